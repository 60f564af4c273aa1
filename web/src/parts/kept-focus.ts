import { type RefObject, useEffect, useRef } from 'react'

/**
 * For a part of a view with buttons that go away when they worked. A person without a mouse then goes on from the heading of
 * this part, and not from the top of the page.
 */
export function useKeptFocus<Part extends HTMLElement>(): RefObject<Part | null> {
  const part = useRef<Part>(null)
  useEffect(() => (part.current === null ? undefined : keepFocusIn(part.current)), [])
  return part
}

function keepFocusIn(part: HTMLElement): () => void {
  let last: Element | undefined
  const lead = () => {
    if (last === undefined || last.isConnected || document.activeElement !== document.body) return
    last = undefined
    part.querySelector<HTMLElement>('h2[tabindex], h3[tabindex]')?.focus({ preventScroll: true })
  }
  const enter = ({ target }: FocusEvent) => {
    if (target instanceof Element) last = target
  }
  const leave = ({ target, relatedTarget }: FocusEvent) => {
    // Some browsers report a removed element too, and a window without the focus reports each.
    setTimeout(() => {
      const isLeft = target instanceof Element && target.isConnected && document.hasFocus()
      if (isLeft && relatedTarget === null && document.activeElement === document.body) last = undefined
    })
  }
  const observer = new MutationObserver(lead)
  const closing = new AbortController()
  const { signal } = closing
  observer.observe(part, { childList: true, subtree: true })
  part.addEventListener('focusin', enter, { signal })
  part.addEventListener('focusout', leave, { signal })
  // A dialog gives the focus back to the button that opened it, which may be gone.
  document.addEventListener('close', () => setTimeout(lead), { capture: true, signal })
  return () => {
    observer.disconnect()
    closing.abort()
  }
}
