import { useCallback, useEffect, useRef, useState } from 'react'

import { type DraftPage, readDraft, storeDraft } from '../uploads/drafts.ts'
import { randomId, type UploadTarget } from '../uploads/upload.ts'
import { endPhotoWork, scale } from './photo-work.ts'

/** Where new photos go: behind the last page, or in place of one. */
export type Place = { replaces?: string }

export type PhotoPages = {
  pages: readonly DraftPage[]
  /** Photos that are being made smaller. */
  preparing: number
  /** Files that the browser cannot read as photos. */
  unreadable: readonly File[]
  /** False: the device stores nothing, and the pages live as long as this view. */
  isLasting: boolean
  add: (files: readonly File[], place?: Place) => Promise<void>
  change: (next: (pages: readonly DraftPage[]) => DraftPage[]) => void
}

/** The pages of a document, begun with these files or with what this person left on the device. */
export function usePhotoPages(target: UploadTarget, first: readonly File[]): PhotoPages {
  const [pages, setPages] = useState<readonly DraftPage[]>([])
  const [preparing, setPreparing] = useState(0)
  const [unreadable, setUnreadable] = useState<readonly File[]>([])
  const [isLasting, setLasting] = useState(true)
  const current = useRef<readonly DraftPage[]>([])

  const change = useCallback<PhotoPages['change']>(
    (next) => {
      const changed = next(current.current)
      current.current = changed
      setPages(changed)
      void storeDraft(target, changed).then(setLasting)
    },
    [target],
  )
  const add = useCallback<PhotoPages['add']>(
    async (files, { replaces } = {}) => {
      setUnreadable([])
      setPreparing((count) => count + files.length)
      for (const file of files) {
        try {
          const page = { id: randomId(), turn: 0, ...(await scale(file)) }
          change((before) => placed(before, page, replaces))
        } catch {
          setUnreadable((before) => [...before, file])
        }
        setPreparing((count) => count - 1)
      }
    },
    [change],
  )
  // Only at the first time: the files are those that opened the view.
  const begin = useRef(async () => {
    const stored = await readDraft(target)
    if (stored.length > 0) change((before) => [...stored, ...before])
    await add(first)
  })
  useEffect(() => {
    void begin.current()
    begin.current = async () => undefined
    return endPhotoWork
  }, [])
  return { pages, preparing, unreadable, isLasting, add, change }
}

/** A page that is retaken stays the same page, also for one more retake that comes meanwhile. */
function placed(pages: readonly DraftPage[], page: DraftPage, replaces: string | undefined): DraftPage[] {
  const index = pages.findIndex(({ id }) => id === replaces)
  return index < 0 ? [...pages, page] : pages.with(index, { ...page, id: replaces ?? page.id })
}

/** The pages with one of them at another index. */
export function movePage(pages: readonly DraftPage[], from: number, to: number): DraftPage[] {
  const page = pages[from]
  return page === undefined ? [...pages] : pages.toSpliced(from, 1).toSpliced(to, 0, page)
}
