import { useEffect, useRef, useState } from 'react'

import { useTexts } from '../texts/texts.tsx'
import type { PageActions } from './photo-page.tsx'
import { movePage, type PhotoPages } from './use-photo-pages.ts'

/** What can be done with the pages, and what a screen reader says about it. The focus stays with a page that moves. */
export function usePageActions({ pages, add, change }: PhotoPages): { actions: PageActions; spoken: string } {
  const { photos: texts } = useTexts()
  const [spoken, setSpoken] = useState('')
  const moved = useRef<{ id: string; isUp: boolean }>(undefined)
  const count = pages.length

  useEffect(() => {
    if (count > 0) setSpoken(texts.added(count))
  }, [count, texts])
  useEffect(() => {
    if (moved.current === undefined) return
    const { id, isUp } = moved.current
    moved.current = undefined
    // At either end the button that was pressed is off.
    for (const name of isUp ? ['up', 'down'] : ['down', 'up']) {
      const button = document.querySelector<HTMLButtonElement>(`#${name}-${id}`)
      if (button?.disabled === false) return button.focus()
    }
  }, [pages])

  const actions: PageActions = {
    move(from, to) {
      const page = pages[from]
      if (page === undefined || from === to) return
      moved.current = { id: page.id, isUp: to < from }
      change((before) => movePage(before, from, to))
      setSpoken(texts.moved(to + 1, count))
    },
    turn(index) {
      change((before) =>
        before.map((page, at) => (at === index ? Object.assign({}, page, { turn: (page.turn + 90) % 360 }) : page)),
      )
      setSpoken(texts.turned(index + 1))
    },
    remove: (index) => change((before) => before.toSpliced(index, 1)),
    replace(index, file) {
      const page = pages[index]
      if (page !== undefined) void add([file], { replaces: page.id })
    },
  }
  return { actions, spoken }
}
