import { Button, Loader } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'

import type { StoredDocument } from '../api/queries.ts'
import { useTexts } from '../texts/texts.tsx'
import { canPreview } from './preview-query.ts'

const Preview = lazy(async () => ({ default: (await import('./preview.tsx')).Preview }))

/** A button that shows the preview: a phone with a weak connection loads it only if the person wants it. */
export function PreviewOnDemand({ document }: { document: StoredDocument }) {
  const { preview: texts } = useTexts()
  const [shown, setShown] = useState<string>()
  const name = `${document.id}/${document.version}`
  if (!canPreview(document) || document.deleted_at !== null || document.scan_status === 'pending') return null
  if (shown !== name)
    return (
      <Button variant="default" size="md" onClick={() => setShown(name)}>
        {texts.show}
      </Button>
    )
  return (
    <Suspense fallback={<Loader role="status" aria-label={texts.loading} />}>
      <Preview document={document} />
    </Suspense>
  )
}
