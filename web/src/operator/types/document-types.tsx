import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from 'react-router'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { type DocumentType, typesQuery, findType } from '../../api/queries.ts'
import { useNotify } from '../../app/notices.tsx'
import { Loading, NotFound } from '../../app/page-frame.tsx'
import { Field, Form } from '../../parts/form.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { Given, useTexts } from '../../texts/texts.tsx'
import { OperatorFrame } from '../operator-frame.tsx'
import { TypeFields, typeOf } from './type-fields.tsx'

/** Every document type, with what counts as its proof. */
export function TypeList() {
  const { types: texts } = useTexts().operator
  const types = useQuery(typesQuery)
  if (types.data === undefined && types.error === null) return <Loading />
  return (
    <OperatorFrame title={texts.title}>
      {types.error === null ? null : <ProblemBox error={types.error} retry={() => void types.refetch()} />}
      <Button component={Link} to="/admin/types/new" size="md">
        {texts.add}
      </Button>
      <ul className="operator-list">
        {types.data?.map((type) => (
          <TypeRow key={type.id} type={type} />
        ))}
      </ul>
    </OperatorFrame>
  )
}

function TypeRow({ type }: { type: DocumentType }) {
  const { types: texts } = useTexts().operator
  return (
    <li>
      <div className="card-head">
        <Link to={`/admin/types/${type.code}`} className="card-title tap">
          <Given>{type.name}</Given>
        </Link>
        <span className="actions">
          {type.is_required ? <span className="badge badge-wait">{texts.required}</span> : null}
          {type.confidential ? <span className="badge badge-plain">{texts.confidential}</span> : null}
          {type.is_active ? null : <span className="badge badge-warn">{texts.inactive}</span>}
        </span>
      </div>
      <p className="proof operator-lines">{type.proof === null ? texts.noProof : <Given>{type.proof}</Given>}</p>
      <p className="card-line">
        <Given>{type.code}</Given>
        <Validity type={type} />
      </p>
    </li>
  )
}

function Validity({ type }: { type: DocumentType }) {
  const { types: texts } = useTexts().operator
  if (type.validity_stated) return ` · ${texts.stated}`
  return type.validity_months === null ? null : ` · ${texts.months(type.validity_months)}`
}

/** One type by its code. Its texts are what every firm reads. */
export function TypeView() {
  const { code = '' } = useParams()
  const types = useQuery(typesQuery)
  const type = findType(types.data, code)
  if (types.data === undefined) return <Loading />
  return type === undefined ? <NotFound /> : <EditType key={type.updated_at} type={type} />
}

function EditType({ type }: { type: DocumentType }) {
  const { types: texts } = useTexts().operator
  const notify = useNotify()
  const navigate = useNavigate()
  const saving = useMutation({
    mutationFn: (body: Schemas['DocumentTypeChangeInput']) =>
      dataOf(
        api.PATCH('/api/v1/document-types/{document_type}', { params: { path: { document_type: type.code } }, body }),
      ),
    async onSuccess() {
      await queryClient.invalidateQueries(typesQuery)
      notify(texts.saved)
      void navigate('/admin/types')
    },
  })
  return (
    <OperatorFrame title={type.name} isGivenTitle>
      <BackToTypes />
      <div className="operator-form">
        <Form
          label={texts.save}
          isPending={saving.isPending}
          error={saving.error}
          submit={(value) => saving.mutate(typeOf(value, type))}
        >
          <TypeFields type={type} />
        </Form>
      </div>
    </OperatorFrame>
  )
}

export function NewType() {
  const { types: texts } = useTexts().operator
  const notify = useNotify()
  const navigate = useNavigate()
  const adding = useMutation({
    mutationFn: (body: Schemas['NewDocumentTypeInput']) => dataOf(api.POST('/api/v1/document-types', { body })),
    async onSuccess() {
      await queryClient.invalidateQueries(typesQuery)
      notify(texts.added)
      void navigate('/admin/types')
    },
  })
  return (
    <OperatorFrame title={texts.add}>
      <BackToTypes />
      <div className="operator-form">
        <Form
          label={texts.add}
          isPending={adding.isPending}
          error={adding.error}
          submit={(value) => adding.mutate({ code: value('code'), ...typeOf(value, undefined) })}
        >
          <Field name="code" label={texts.code} description={texts.codeHint} maxLength={50} />
          <TypeFields />
        </Form>
      </div>
    </OperatorFrame>
  )
}

function BackToTypes() {
  const { everyView, operator } = useTexts()
  return (
    <Link to="/admin/types" className="tap">
      {everyView.backTo(operator.types.title)}
    </Link>
  )
}
