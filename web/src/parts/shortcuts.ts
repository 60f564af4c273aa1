import { useEffect, useSyncExternalStore } from 'react'

const setting = 'paniq.shortcuts'
const listeners = new Set<() => void>()

/** WCAG 2.1.4: keys without Ctrl or Alt can be turned off, because speech input and tremor may press them. */
export function useShortcutsAreOn(): boolean {
  return useSyncExternalStore(subscribe, areOn)
}

export function turnShortcuts(isOn: boolean): void {
  if (isOn) localStorage.removeItem(setting)
  else localStorage.setItem(setting, 'off')
  for (const listener of listeners) listener()
}

/** Runs what belongs to a key while nobody types. `shortcuts`: by `KeyboardEvent.key`. */
export function useShortcuts(shortcuts: Record<string, (() => void) | undefined>): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const run = shortcuts[event.key]
      if (run === undefined || !isMeant(event)) return
      event.preventDefault()
      run()
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  })
}

/** Not typed into a field, not a command of the browser, and not below a dialog. */
function isMeant({ key, target, defaultPrevented, ctrlKey, metaKey, altKey, repeat }: KeyboardEvent): boolean {
  const isOther = defaultPrevented || ctrlKey || metaKey || altKey || repeat
  if (isOther || isTyping(target) || document.querySelector('dialog[open]') !== null) return false
  // `?` opens the help that says how to turn them on again.
  return areOn() || key === '?'
}

function areOn(): boolean {
  return localStorage.getItem(setting) !== 'off'
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const pressed = new Set(['radio', 'checkbox', 'button', 'submit'])

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !pressed.has(target.type)
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
}
