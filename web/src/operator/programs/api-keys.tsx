import { queryOptions, useMutation, useQuery } from '@tanstack/react-query'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { useNotify } from '../../app/notices.tsx'
import { Confirm } from '../../parts/confirm.tsx'
import { Field } from '../../parts/form.tsx'
import { proofOf } from '../../parts/proof-field.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { Check, Checks, isChecked } from '../form-fields.tsx'
import { NewProgram, ProgramsFrame } from './programs-frame.tsx'

type Key = Schemas['ApiKey']

const scopes = ['documents:read', 'documents:write', 'review', 'operations:read'] as const

const keysQuery = queryOptions({
  queryKey: ['operator', 'keys'],
  queryFn: () => dataOf(api.GET('/api/v1/api-keys')),
})

/** The keys of programs. A new one is shown once. */
export function ApiKeysView() {
  const { keys: texts } = useTexts().operator
  const keys = useQuery(keysQuery)
  return (
    <ProgramsFrame
      texts={texts}
      items={keys}
      form={(close) => <NewKey close={close} />}
      row={(key) => <KeyRow key={key.id} apiKey={key} />}
    />
  )
}

function NewKey({ close }: { close: (key?: string) => void }) {
  const { keys: texts } = useTexts().operator
  const making = useMutation({
    mutationFn: (body: Schemas['NewApiKeyInput']) => dataOf(api.POST('/api/v1/api-keys', { body })),
    async onSuccess({ key }) {
      await queryClient.invalidateQueries(keysQuery)
      close(key)
    },
  })
  const submit = (value: (name: string) => string) => {
    const day = value('expires_at')
    making.mutate({
      name: value('name'),
      scopes: scopes.filter((scope) => isChecked(value, scope)),
      ...(day === '' ? {} : { expires_at: `${day}T21:59:59Z` }),
      ...proofOf(value),
    })
  }
  return (
    <NewProgram texts={texts} making={making} close={() => close()} submit={submit}>
      <Field name="name" label={texts.name} description={texts.nameHint} maxLength={100} />
      <Checks legend={texts.scopes} name="scopes">
        {scopes.map((scope) => (
          <Check key={scope} name={scope} label={texts.scopeNames[scope]} />
        ))}
      </Checks>
      <Field name="expires_at" type="date" label={texts.expires} description={texts.expiresHint} isOptional />
    </NewProgram>
  )
}

function KeyRow({ apiKey }: { apiKey: Key }) {
  const { keys: texts } = useTexts().operator
  const formats = useFormats()
  const notify = useNotify()
  const revoking = useMutation({
    mutationFn: () => dataOf(api.DELETE('/api/v1/api-keys/{id}', { params: { path: { id: apiKey.id } } })),
    async onSuccess() {
      await queryClient.invalidateQueries(keysQuery)
      notify(texts.revokedNotice)
    },
  })
  const { last_used_at: used, firm_id: firm } = apiKey
  const isOver = Date.parse(apiKey.expires_at) < Date.now()
  return (
    <li>
      <div className="card-head">
        <h2 className="operator-job">
          <Given>{apiKey.name}</Given>
        </h2>
        {isOver ? <span className="badge badge-plain">{texts.expired}</span> : null}
      </div>
      <p className="card-line">
        <code data-given>{`${apiKey.prefix}…`}</code> · {firm === null ? texts.everyFirm : texts.oneFirm} ·{' '}
        {texts.until(formats.date(apiKey.expires_at))} ·{' '}
        {used === null ? texts.neverUsed : texts.used(formats.dateTime(used))}
      </p>
      <p className="card-line">{apiKey.scopes.map((scope) => texts.scopeNames[scope]).join(', ')}</p>
      <div className="actions">
        <Confirm
          label={texts.revoke}
          question={texts.revokeQuestion(apiKey.name)}
          isDanger
          isPending={revoking.isPending}
          error={revoking.error}
          run={() => revoking.mutate()}
        />
      </div>
    </li>
  )
}
