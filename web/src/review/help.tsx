import { Button } from '@mantine/core'
import { useRef } from 'react'

import { turnShortcuts, useShortcuts, useShortcutsAreOn } from '../parts/shortcuts.ts'
import { useTexts } from '../texts/texts.tsx'

/** The keys of the reviewer. The browser's own dialog keeps the focus in it and gives it back. */
export function Help() {
  const { review: texts, everyView } = useTexts()
  const dialog = useRef<HTMLDialogElement>(null)
  const isOn = useShortcutsAreOn()
  const open = () => {
    dialog.current?.showModal()
    // Not the check box, which the space bar would turn off.
    dialog.current?.querySelector('button')?.focus()
  }
  useShortcuts({ '?': open })
  return (
    <>
      <Button variant="subtle" className="help-button" aria-keyshortcuts="?" onClick={open}>
        {texts.help} <kbd aria-hidden="true">?</kbd>
      </Button>
      <dialog ref={dialog} className="help" aria-labelledby="help-title">
        <h2 id="help-title">{texts.helpTitle}</h2>
        <dl>
          {texts.keys.map(({ key, does }) => (
            <div key={key}>
              <dt>
                <kbd data-given>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <p className="hint">{texts.keysInPreview}</p>
        <label className="check">
          <input type="checkbox" checked={isOn} onChange={(event) => turnShortcuts(event.currentTarget.checked)} />
          {texts.shortcutsOn}
        </label>
        <form method="dialog">
          <Button type="submit">{everyView.close}</Button>
        </form>
      </dialog>
    </>
  )
}
