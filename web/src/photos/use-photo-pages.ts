import { useEffect, useRef, useState, useSyncExternalStore } from 'react'

import type { DraftPage, DraftPlace } from '../uploads/drafts.ts'
import { type PhotoSession, type PhotoState, sessionOf } from './photo-session.ts'

export type PhotoPages = PhotoState & Pick<PhotoSession, 'add' | 'change' | 'discard'>

/** The pages of a document, begun with these files or with what this person left on the device. */
export function usePhotoPages(place: DraftPlace, first: readonly File[]): PhotoPages {
  // The dialog is opened for one document, and closed before it is opened for another one.
  const [session] = useState(() => sessionOf(place))
  const state = useSyncExternalStore(session.subscribe, session.read)
  // Only at the first time: the files are those that opened the view.
  const begin = useRef(async () => await session.begin(first))
  useEffect(() => {
    const leave = session.enter()
    void begin.current()
    begin.current = async () => undefined
    return leave
  }, [session])
  const { add, change, discard } = session
  return { ...state, add, change, discard }
}

/** The pages with one of them at another index. */
export function movePage(pages: readonly DraftPage[], from: number, to: number): DraftPage[] {
  const page = pages[from]
  return page === undefined ? [...pages] : pages.toSpliced(from, 1).toSpliced(to, 0, page)
}
