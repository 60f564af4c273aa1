/** What the page and the frame of the preview send each other. The frame has no origin: each side checks the window. */

export type ToFrame =
  /** `name` comes back with the answer: a file may be replaced by the next one before it is drawn. */
  | { kind: 'show'; name: string; bytes: ArrayBuffer; labels: string[]; maxPages: number }
  /** For the file with this name, also before it is drawn. `zoom`: 1 is the width of the frame. `quarterTurns`: clockwise. */
  | { kind: 'view'; name: string; zoom: number; quarterTurns: number }
  | { kind: 'scroll'; direction: 1 | -1 }

export type FromFrame =
  | { kind: 'ready' }
  | { kind: 'shown'; name: string; pageCount: number }
  | { kind: 'failed'; name: string; why: 'password' | 'damaged' }
  /** A key that was pressed in the frame, for the shortcuts of the page. */
  | { kind: 'key'; key: string }

/** A PDF may have thousands of pages; a person who needs more opens the file. */
export const maxPages = 100

/** The keys that the page accepts while the frame has the focus: those that decide nothing. Any other that the frame reports may be an invention of the file. */
const forwardedKeys = new Set(['j', 'k', 'n', 'u', '?'])

/** As if it had been pressed in the page. Nobody pressed it in a frame without the focus. `Escape` leaves the frame. */
export function forwardKey(frame: HTMLIFrameElement | null, key: string): void {
  if (frame === null || document.activeElement !== frame) return
  if (key === 'Escape') frame.blur()
  if (!forwardedKeys.has(key)) return
  document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
}
