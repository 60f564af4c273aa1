// A PDF is drawn in a frame of its own, which gets the keys while it has the focus. It reports them, and the page decides which
// of them count.

/** The keys that decide nothing. Any other that the frame reports may be an invention of the file. */
const forwardedKeys = new Set(['j', 'k', 'n', 'u', '?'])

/** As if it had been pressed in the page. Nobody pressed it in a frame without the focus. `Escape` leaves the frame. */
export function forwardKey(frame: HTMLIFrameElement | null, key: string): void {
  if (frame === null || document.activeElement !== frame) return
  if (key === 'Escape') frame.blur()
  if (!forwardedKeys.has(key)) return
  document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
}
