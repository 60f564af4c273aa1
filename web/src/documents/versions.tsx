import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'

import type { DocumentType, StoredDocument } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { ReviewBadge } from '../parts/state-badge.tsx'
import { PreviewOnDemand } from '../preview/preview-on-demand.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { download, restoreVersion } from './document-actions.ts'
import { versionsQuery } from './document-queries.ts'
import { Rejection } from './rejection.tsx'

type Props = { document: StoredDocument; type: DocumentType | undefined; mayRestore: boolean }

export function Versions({ document, type, mayRestore }: Props) {
  const { documents: texts } = useTexts()
  const versions = useQuery(versionsQuery({ firmId: document.firm_id, documentId: document.id }))
  return (
    <section>
      <h2>{texts.versions}</h2>
      {versions.error === null ? null : <ProblemBox error={versions.error} retry={() => void versions.refetch()} />}
      <ul className="cards">
        {versions.data?.map((version) => (
          <VersionRow
            key={version.version}
            version={version}
            type={type}
            isNewest={version.version === document.version}
            mayRestore={mayRestore}
          />
        ))}
      </ul>
    </section>
  )
}

type RowProps = { version: StoredDocument; type: DocumentType | undefined; isNewest: boolean; mayRestore: boolean }

function VersionRow({ version: document, type, isNewest, mayRestore }: RowProps) {
  const { documents: texts } = useTexts()
  const formats = useFormats()
  const notify = useNotify()
  const { version, file_name: name } = document
  const place = { firmId: document.firm_id, documentId: document.id }
  const saving = useMutation({ mutationFn: () => download(place, version) })
  const restoring = useMutation({
    mutationFn: () => restoreVersion(place, version),
    onSuccess: (restored) => notify(texts.usedAgain(version, restored.version)),
  })
  const isRejected = document.review_status === 'rejected'
  return (
    <li className="card">
      <div className="card-head">
        <p className="card-title">
          {texts.version(version)}
          {isNewest ? ` (${texts.currentVersion})` : null}
        </p>
        <ReviewBadge document={document} />
      </div>
      <p className="card-line">
        <Given>{name}</Given> · {formats.bytes(document.file_size)} · {formats.dateTime(document.uploaded_at)}
      </p>
      {isRejected && !isNewest ? <Rejection review={document} type={type} /> : null}
      {saving.error === null ? null : <ProblemBox error={saving.error} />}
      <span className="actions">
        <Button
          variant="default"
          loading={saving.isPending}
          aria-label={texts.downloadVersion(version, name)}
          onClick={() => saving.mutate()}
        >
          {texts.download}
        </Button>
        {isNewest || !mayRestore ? null : (
          <Confirm
            label={texts.useAgain}
            ariaLabel={texts.useAgainOf(version)}
            question={isRejected ? texts.useAgainRejected : texts.useAgainQuestion}
            isPending={restoring.isPending}
            error={restoring.error}
            run={() => restoring.mutate()}
          />
        )}
      </span>
      {isNewest ? null : <PreviewOnDemand document={document} />}
    </li>
  )
}
