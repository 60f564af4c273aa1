import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'

import type { StoredDocument } from '../api/queries.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useShortcuts } from '../parts/shortcuts.ts'
import { useTexts } from '../texts/texts.tsx'
import { type Drawn, sendToFrame } from './pdf-frame.tsx'
import { canPreview, isBlocked, type PreviewFile, previewQuery, versionName } from './preview-query.ts'
import { PreviewSheet, type View } from './preview-sheet.tsx'
import './preview.css'

const plainView: View = { zoom: 1, quarterTurns: 0 }
const zooms = [0.5, 0.75, 1, 1.5, 2, 3]

type PreviewProps = { document: StoredDocument; hasKeys?: boolean; onReady?: (name: string) => void }

/**
 * Shows the file of a version. The frame of PDFs stays while documents change, so that the next one is drawn at once.
 * `data-shown` is the version that can be seen. `hasKeys`: `j` and `k` scroll it. `onReady` is called with the name of the version
 * when it can be seen, or when it is clear that this page cannot show it.
 */
export function Preview({ document, hasKeys, onReady }: PreviewProps) {
  const { preview: texts } = useTexts()
  const file = useQuery({ ...previewQuery(document), enabled: canPreview(document) })
  const name = versionName(document)
  const [chosen, setChosen] = useState({ name, view: plainView })
  const [lastDrawn, setDrawn] = useState<Drawn>()
  const view = chosen.name === name ? chosen.view : plainView
  const section = useRef<HTMLElement>(null)
  const scrollBy = (direction: 1 | -1) => (hasKeys === true ? () => scroll(section.current, direction) : undefined)
  useShortcuts({ j: scrollBy(1), k: scrollBy(-1) })
  const drawn = lastDrawn?.name === name ? lastDrawn : undefined
  const shown = drawn?.kind === 'shown' ? drawn : undefined
  useReady(document, { file, drawn, onReady })

  return (
    <section ref={section} className="preview" aria-label={texts.title} data-shown={shown?.name}>
      <Controls
        view={view}
        url={file.data?.url}
        pageCount={shown?.pageCount}
        onView={(next) => setChosen({ name, view: next })}
      />
      <Trouble error={file.error} retry={() => void file.refetch()} />
      <PreviewSheet document={document} name={name} file={file} view={view} drawn={drawn} onDrawn={setDrawn} />
    </section>
  )
}

type Ready = {
  file: { data: PreviewFile | undefined; error: Error | null }
  drawn: Drawn | undefined
  onReady: PreviewProps['onReady']
}

/** Reports that nothing more will appear: the file is drawn, or cannot be. */
function useReady(document: StoredDocument, { file, drawn, onReady }: Ready): void {
  const name = versionName(document)
  const isOver = drawn !== undefined || file.error !== null
  const isReady = isOver || !canPreview(document) || isBlocked(document, file.data)
  useEffect(() => {
    if (isReady) onReady?.(name)
  }, [isReady, name, onReady])
}

function Trouble({ error, retry }: { error: Error | null; retry: () => void }) {
  return error === null ? null : <ProblemBox error={error} retry={retry} />
}

function scroll(section: HTMLElement | null, direction: 1 | -1): void {
  const image = section?.querySelector('.preview-image')
  image?.scrollBy({ top: direction * image.clientHeight * 0.85 })
  const frame = section?.querySelector('iframe')
  if (image === null && frame !== null && frame !== undefined) sendToFrame(frame, { kind: 'scroll', direction })
}

type ControlProps = {
  view: View
  url: string | undefined
  pageCount: number | undefined
  onView: (view: View) => void
}

function Controls({ view, url, pageCount, onView }: ControlProps) {
  const { preview: texts } = useTexts()
  const at = zooms.indexOf(view.zoom)
  const zoom = (step: 1 | -1) => onView({ ...view, zoom: zooms[at + step] ?? view.zoom })
  return (
    <div className="preview-bar">
      <span className="hint">{pageCount === undefined ? null : texts.pages(pageCount)}</span>
      <span className="preview-buttons">
        <Button variant="default" aria-label={texts.smaller} disabled={at === 0} onClick={() => zoom(-1)}>
          <span aria-hidden="true">−</span>
        </Button>
        <Button variant="default" aria-label={texts.larger} disabled={at === zooms.length - 1} onClick={() => zoom(1)}>
          <span aria-hidden="true">+</span>
        </Button>
        <Button
          variant="default"
          aria-label={texts.turn}
          onClick={() => onView({ ...view, quarterTurns: (view.quarterTurns + 1) % 4 })}
        >
          <span aria-hidden="true">↻</span>
        </Button>
        {url === undefined ? null : (
          <Button component="a" variant="default" href={url} target="_blank" rel="noreferrer">
            {texts.open}
          </Button>
        )}
      </span>
    </div>
  )
}
