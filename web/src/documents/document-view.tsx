import { Anchor, Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link, useParams } from 'react-router'

import { type StoredDocument, useType } from '../api/queries.ts'
import { canUpload, FirmBar, useFirm } from '../app/firm-frame.tsx'
import { useNotify } from '../app/notices.tsx'
import { Loading, PageFrame } from '../app/page-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { ReviewBadge } from '../parts/state-badge.tsx'
import { PhotoDialog } from '../photos/photo-dialog.tsx'
import { PreviewOnDemand } from '../preview/preview-on-demand.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { download, removeDocument, restoreDocument } from './document-actions.ts'
import { documentQuery } from './document-queries.ts'
import { History } from './history.tsx'
import { NewerVersionButton } from '../uploads/upload-buttons.tsx'
import { useUploads } from '../uploads/upload-state.ts'
import { UploadStatus } from '../uploads/list/upload-status.tsx'
import { UploadList } from '../uploads/list/upload-list.tsx'
import { Rejection } from './rejection.tsx'
import { Versions } from './versions.tsx'

/** One document: its facts, versions and history, and what can be done with it. */
export function DocumentView() {
  const firm = useFirm()
  const { documentId = '' } = useParams()
  const { documents: texts, everyView } = useTexts()
  const loaded = useQuery(documentQuery({ firmId: firm.id, documentId }))
  const back = (
    <Anchor component={Link} to={`/firms/${firm.id}/documents`} className="tap">
      {everyView.backTo(texts.title)}
    </Anchor>
  )
  if (loaded.error !== null)
    return (
      <PageFrame title={texts.details} above={<FirmBar firm={firm} />}>
        <ProblemBox error={loaded.error} retry={() => void loaded.refetch()} />
        {back}
      </PageFrame>
    )
  if (loaded.data === undefined) return <Loading />
  return <LoadedDocument key={documentId} document={loaded.data.data} back={back} />
}

function LoadedDocument({ document, back }: { document: StoredDocument; back: ReactNode }) {
  const firm = useFirm()
  const type = useType(document.document_type)
  return (
    <PageFrame title={document.file_name} isGivenTitle above={<FirmBar firm={firm} />}>
      {back}
      <Warnings document={document} />
      <Facts document={document} />
      <PhotoDialog key={document.id}>
        <Actions document={document} />
      </PhotoDialog>
      <PreviewOnDemand document={document} />
      <UploadList firmId={firm.id} isShownAtButton={({ target }) => target.documentId === document.id} />
      <Versions document={document} type={type} mayRestore={canUpload(firm) && document.deleted_at === null} />
      <History document={document} type={type} />
    </PageFrame>
  )
}

function Facts({ document }: { document: StoredDocument }) {
  const { documents: texts } = useTexts()
  const formats = useFormats()
  const type = useType(document.document_type)
  return (
    <dl className="facts">
      <dt>{texts.type}</dt>
      <dd>
        <Given>{type?.name ?? document.document_type}</Given>
      </dd>
      <dt>{texts.state}</dt>
      <dd>
        {document.deleted_at === null ? (
          <ReviewBadge document={document} />
        ) : (
          <span className="badge badge-plain">{texts.deleted}</span>
        )}
      </dd>
      <dt>{texts.uploadedAt}</dt>
      <dd>{formats.dateTime(document.uploaded_at)}</dd>
      <dt>{texts.size}</dt>
      <dd>{formats.bytes(document.file_size)}</dd>
      {document.valid_until === null ? null : (
        <>
          <dt>{texts.validUntil}</dt>
          <dd>{formats.date(document.valid_until)}</dd>
        </>
      )}
    </dl>
  )
}

/** What is special about the document, each in a box. */
function Warnings({ document }: { document: StoredDocument }) {
  const { documents: texts } = useTexts()
  const { verified_version: inForce } = document
  return (
    <>
      {document.deleted_at === null ? null : <p className="box box-warn">{texts.inTrash}</p>}
      {document.scan_status === 'infected' ? <p className="box box-bad">{texts.infected}</p> : null}
      {document.scan_status === 'pending' ? <p className="box box-wait">{texts.scanPending}</p> : null}
      {document.review_status === 'rejected' ? <RejectionOf document={document} /> : null}
      {inForce === null || inForce === document.version ? null : (
        <p className="box box-wait">{texts.inForce(inForce)}</p>
      )}
    </>
  )
}

function RejectionOf({ document }: { document: StoredDocument }) {
  return <Rejection review={document} type={useType(document.document_type)} />
}

function Actions({ document }: { document: StoredDocument }) {
  return document.deleted_at === null ? <ActionsOfLive document={document} /> : <RestoreAction document={document} />
}

function RestoreAction({ document }: { document: StoredDocument }) {
  const { documents: texts } = useTexts()
  const notify = useNotify()
  const restoring = useMutation({
    mutationFn: () => restoreDocument({ firmId: document.firm_id, documentId: document.id }),
    onSuccess: () => notify(texts.restoredNotice(document.file_name)),
  })
  return (
    <>
      {restoring.error === null ? null : <ProblemBox error={restoring.error} />}
      <Button size="md" loading={restoring.isPending} onClick={() => restoring.mutate()}>
        {texts.restore}
      </Button>
    </>
  )
}

function ActionsOfLive({ document }: { document: StoredDocument }) {
  const { documents: texts } = useTexts()
  const firm = useFirm()
  const notify = useNotify()
  const type = useType(document.document_type)
  const place = { firmId: firm.id, documentId: document.id }
  const saving = useMutation({ mutationFn: () => download(place) })
  const removing = useMutation({
    mutationFn: () => removeDocument(document),
    onSuccess: (undo) => notify(texts.deletedNotice(document.file_name), undo),
  })
  const error = saving.error ?? removing.error
  const mayChange = canUpload(firm)
  const uploads = useUploads(firm.id).filter(({ target }) => target.documentId === document.id)
  return (
    <>
      {error === null ? null : <ProblemBox error={error} />}
      <span className="actions">
        <Button size="md" loading={saving.isPending} onClick={() => saving.mutate()}>
          {texts.download}
        </Button>
        {mayChange ? (
          <Button size="md" variant="default" loading={removing.isPending} onClick={() => removing.mutate()}>
            {texts.delete}
          </Button>
        ) : null}
      </span>
      <UploadStatus uploads={uploads} />
      {mayChange && type?.is_active === true ? <NewerVersionButton {...place} type={type} /> : null}
      <ReviewLink document={document} />
    </>
  )
}

/** Leads a reviewer from a document that waits to its decision. */
function ReviewLink({ document: { firm_id: firmId, id, review_status: status } }: { document: StoredDocument }) {
  const { review } = useTexts()
  const { role } = useFirm()
  const isOfPlatform = role === 'administrator' || role === 'reviewer'
  if (!isOfPlatform || status !== 'pending') return null
  return (
    <Button component={Link} to={`/review/documents/${firmId}/${id}`} size="md" variant="default">
      {review.reviewThis}
    </Button>
  )
}
