import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'

import type { StoredDocument } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { ReviewBadge } from '../parts/state-badge.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { download, restoreVersion } from './document-actions.ts'
import { versionsQuery } from './document-queries.ts'

export function Versions({ document, mayRestore }: { document: StoredDocument; mayRestore: boolean }) {
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
            isNewest={version.version === document.version}
            mayRestore={mayRestore}
          />
        ))}
      </ul>
    </section>
  )
}

type RowProps = { version: StoredDocument; isNewest: boolean; mayRestore: boolean }

function VersionRow({ version: document, isNewest, mayRestore }: RowProps) {
  const { documents: texts } = useTexts()
  const formats = useFormats()
  const notify = useNotify()
  const { version, file_name: name } = document
  const place = { firmId: document.firm_id, documentId: document.id }
  const saving = useMutation({ mutationFn: () => download(place, version) })
  const restoring = useMutation({
    mutationFn: () => restoreVersion(place, version),
    onSuccess: () => notify(texts.madeNewest(version)),
  })
  const error = saving.error ?? restoring.error
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
      {error === null ? null : <ProblemBox error={error} />}
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
          <Button
            variant="default"
            loading={restoring.isPending}
            aria-label={texts.makeNewestOf(version)}
            onClick={() => restoring.mutate()}
          >
            {texts.makeNewest}
          </Button>
        )}
      </span>
    </li>
  )
}
