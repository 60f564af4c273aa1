import { useMutation } from '@tanstack/react-query'

import type { Firm } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { useFormats, useTexts } from '../texts/texts.tsx'
import { downloadArchive } from './document-actions.ts'

/** Saves all documents of the firm, for those who may. Says first what the file has, and how large it may be. */
export function ArchiveDownload({ firm }: { firm: Firm }) {
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
