import { onSessionEnd } from '../api/session.ts'
import { draftId, type DraftPage, type DraftPlace, readDraft, storeDraft } from '../uploads/drafts.ts'
import { randomId } from '../uploads/upload-record.ts'
import { scale } from './ask-photo-worker.ts'

export type PhotoState = {
  pages: readonly DraftPage[]
  /** Photos that are being made smaller. */
  preparing: number
  /** Files that the browser cannot read as photos. */
  unreadable: readonly File[]
  /** False: the device stores nothing, and the pages live as long as the view. */
  isLasting: boolean
  /** No page was begun before or added in the view: each is one of the files that opened it. */
  isOnlyPicked: boolean
}

const sessions = new Map<string, PhotoSession>()

// What is still being prepared must not be stored for the next person, nor after the drafts were removed.
onSessionEnd(() => {
  for (const session of sessions.values()) session.end()
  sessions.clear()
})

/** The pages that are put together for a document, also if a closed view still prepares some of them. */
export function sessionOf(place: DraftPlace): PhotoSession {
  return sessions.get(draftId(place) ?? '') ?? new PhotoSession(place)
}

/** Lives from the time that a view shows it until the view is closed and nothing is prepared any more. */
export class PhotoSession {
  #state: PhotoState = { pages: [], preparing: 0, unreadable: [], isLasting: true, isOnlyPicked: false }
  #isBegun = false
  #isEnded = false
  #viewCount = 0
  #work = new AbortController()
  readonly #place: DraftPlace
  readonly #id: string | undefined
  readonly #listeners = new Set<() => void>()

  constructor(place: DraftPlace) {
    this.#place = place
    this.#id = draftId(place)
  }

  read = (): PhotoState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A view shows it; returns how to leave it. */
  enter(): () => void {
    this.#viewCount += 1
    if (this.#id !== undefined) sessions.set(this.#id, this)
    return () => {
      this.#viewCount -= 1
      this.#removeUnused()
    }
  }

  /** Continues with what this person left on the device, then with these files. */
  async begin(files: readonly File[]): Promise<void> {
    let isOnlyPicked = false
    if (!this.#isBegun) {
      this.#isBegun = true
      const stored = await readDraft(this.#place)
      if (stored.length > 0) this.change((before) => [...stored, ...before])
      isOnlyPicked = stored.length === 0
    }
    this.#update({ isOnlyPicked })
    await this.#prepare(files, undefined)
  }

  /** Adds photos behind the last page, or in place of one. */
  add = async (files: readonly File[], { replaces }: { replaces?: string } = {}): Promise<void> => {
    this.#update({ isOnlyPicked: false })
    await this.#prepare(files, replaces)
  }

  change = (next: (pages: readonly DraftPage[]) => DraftPage[]): void => {
    if (this.#isEnded) return
    const pages = next(this.#state.pages)
    this.#update({ pages })
    void storeDraft(this.#place, pages).then((isLasting) => this.#update({ isLasting }))
  }

  /** Removes the pages, and stops what is being prepared. */
  discard = (): void => {
    this.#work.abort()
    this.#work = new AbortController()
    this.#update({ preparing: 0 })
    this.change(() => [])
  }

  end(): void {
    this.#isEnded = true
    this.#work.abort()
  }

  async #prepare(files: readonly File[], replaces: string | undefined): Promise<void> {
    const { signal } = this.#work
    this.#update({ unreadable: [], preparing: this.#state.preparing + files.length })
    for (const file of files) {
      const scaled = await scale(file, signal).catch(() => undefined)
      if (signal.aborted) return
      if (scaled === undefined) this.#update({ unreadable: [...this.#state.unreadable, file] })
      else this.change((before) => placed(before, { id: randomId(), turn: 0, ...scaled }, replaces))
      this.#update({ preparing: this.#state.preparing - 1 })
    }
    this.#removeUnused()
  }

  #removeUnused(): void {
    if (this.#viewCount > 0 || this.#state.preparing > 0 || this.#id === undefined) return
    if (sessions.get(this.#id) === this) sessions.delete(this.#id)
  }

  #update(facts: Partial<PhotoState>): void {
    this.#state = { ...this.#state, ...facts }
    for (const listener of this.#listeners) listener()
  }
}

/** A page that is retaken stays the same page, also for one more retake that comes meanwhile. */
function placed(pages: readonly DraftPage[], page: DraftPage, replaces: string | undefined): DraftPage[] {
  const index = pages.findIndex(({ id }) => id === replaces)
  return index < 0 ? [...pages, page] : pages.with(index, { ...page, id: replaces ?? page.id })
}
