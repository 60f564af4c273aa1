import { Button } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'react-router'

import { type Firm, type StoredDocument, typesQuery, useTypeName } from '../api/queries.ts'
import { FirmBar, useFirm } from '../app/firm-frame.tsx'
import { useNotify } from '../app/notices.tsx'
import { Empty, PageFrame } from '../app/page-frame.tsx'
import { Choice } from '../parts/choice.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { ReviewBadge, stateOf, useValidity } from '../parts/state-badge.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { UploadList } from '../uploads/list/upload-list.tsx'
import { downloadArchive, restoreDocument } from './document-actions.ts'
import { listQuery } from './document-queries.ts'
import { MoreButton } from '../parts/more-button.tsx'

/** All documents of a firm. The filter is in the address, so that it can be shared. */
export function DocumentList() {
  const { documents: texts } = useTexts()
  const firm = useFirm()
  const [parameters, setParameters] = useSearchParams()
  const documentType = parameters.get('type') ?? ''
  const withDeleted = parameters.get('deleted') === 'yes'
  const list = useInfiniteQuery(listQuery(firm.id, { documentType, withDeleted }))
  const documents = list.data?.pages.flatMap(({ items }) => items)

  const filter = (name: string, value: string) =>
    setParameters(
      (given) => {
        if (value === '') given.delete(name)
        else given.set(name, value)
        return given
      },
      { replace: true },
    )
  return (
    <PageFrame title={texts.title} above={<FirmBar firm={firm} />}>
      <UploadList firmId={firm.id} />
      <div className="filters">
        <TypeFilter value={documentType} onChange={(value) => filter('type', value)} />
        <label className="check">
          <input
            type="checkbox"
            checked={withDeleted}
            onChange={(event) => filter('deleted', event.currentTarget.checked ? 'yes' : '')}
          />
          {texts.trash}
        </label>
      </div>
      {documents === undefined || documents.length === 0 ? null : <ArchiveDownload firm={firm} />}
      {list.error === null ? null : <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {documents?.length === 0 ? <NoDocuments hasFilter={documentType !== ''} firmId={firm.id} /> : null}
      <ul className="cards">
        {documents?.map((document) => (
          <Row key={document.id} document={document} />
        ))}
      </ul>
      <MoreButton list={list} />
    </PageFrame>
  )
}

function TypeFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { documents: texts } = useTexts()
  const types = useQuery(typesQuery)
  const choices = (types.data ?? []).map(({ code, name }) => ({ value: code, label: name, isGiven: true }))
  return (
    <Choice
      label={texts.type}
      value={value}
      onChange={onChange}
      choices={[{ value: '', label: texts.allTypes }, ...choices]}
    />
  )
}

function NoDocuments({ hasFilter, firmId }: { hasFilter: boolean; firmId: string }) {
  const { documents: texts } = useTexts()
  if (hasFilter) return <p>{texts.noneOfType}</p>
  return (
    <Empty title={texts.empty} help={texts.emptyHelp}>
      <Button component={Link} to={`/firms/${firmId}/checklist`}>
        {texts.toChecklist}
      </Button>
    </Empty>
  )
}

function Row({ document }: { document: StoredDocument }) {
  const { documents: texts } = useTexts()
  const formats = useFormats()
  const notify = useNotify()
  const { firm_id: firmId, id, file_name: name } = document
  const typeName = useTypeName(document.document_type)
  const validity = useValidity()({ ...stateOf(document), day: document.valid_until })
  const restoring = useMutation({
    mutationFn: () => restoreDocument({ firmId, documentId: id }),
    onSuccess: () => notify(texts.restoredNotice(name)),
  })
  return (
    <li className="card">
      <div className="card-head">
        <Link to={`/firms/${firmId}/documents/${id}`} className="card-title tap">
          <Given>{name}</Given>
        </Link>
        {document.deleted_at === null ? (
          <ReviewBadge document={document} />
        ) : (
          <span className="badge badge-plain">{texts.deleted}</span>
        )}
      </div>
      <p className="card-line">
        <Given>{typeName}</Given> · {formats.bytes(document.file_size)} · {texts.version(document.version)} ·{' '}
        {texts.uploadedOn(formats.date(document.uploaded_at))}
        {validity === undefined ? null : ` · ${validity}`}
      </p>
      {document.deleted_at === null ? null : (
        <span className="actions">
          <Button variant="default" loading={restoring.isPending} onClick={() => restoring.mutate()}>
            {texts.restore}
          </Button>
        </span>
      )}
      {restoring.error === null ? null : <ProblemBox error={restoring.error} />}
    </li>
  )
}

/** Saves all documents of the firm, for those who may. Says first what the file has, and how large it may be. */
function ArchiveDownload({ firm }: { firm: Firm }) {
  const { documents: texts } = useTexts()
  const formats = useFormats()
  const notify = useNotify()
  const saving = useMutation({
    mutationFn: () => downloadArchive(firm.id),
    onSuccess: () => notify(texts.archiveBegins),
  })
  if (firm.role !== 'firm_admin' && firm.role !== 'administrator') return null
  return (
    <div className="archive">
      <Confirm
        label={texts.archive}
        question={texts.archiveHelp(formats.bytes(firm.usage.bytes))}
        isPending={saving.isPending}
        error={saving.error}
        run={() => saving.mutate()}
      />
    </div>
  )
}
