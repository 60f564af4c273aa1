import { Button } from '@mantine/core'

import { PageFrame } from '../../app/page-frame.tsx'
import { CopyButton } from '../../parts/shown-once.tsx'
import { Given, useTexts } from '../../texts/texts.tsx'
import './settings.css'

/** Has the browser save a text as a file. */
function saveText(name: string, text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }))
  link.download = name
  link.click()
  // Some browsers read it only after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** The recovery codes, which the service shows this once. */
export function RecoveryCodes({ codes, onSaved }: { codes: string[]; onSaved: () => void }) {
  const { enrol, settings } = useTexts()
  return (
    <PageFrame title={enrol.codesTitle} width="narrow">
      <p>{enrol.codesHelp}</p>
      <ul className="box codes">
        {codes.map((code) => (
          <li key={code}>
            <Given>{code}</Given>
          </li>
        ))}
      </ul>
      <div className="actions">
        <CopyButton label={settings.copyCodes} text={codes.join('\n')} variant="default" />
        <Button variant="default" onClick={() => saveText(settings.codesFile, codes.join('\n'))}>
          {settings.downloadCodes}
        </Button>
        <Button variant="default" onClick={() => window.print()}>
          {settings.print}
        </Button>
        <Button onClick={onSaved}>{enrol.saved}</Button>
      </div>
    </PageFrame>
  )
}
