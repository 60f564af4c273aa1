import { Button } from '@mantine/core'
import { useLocation } from 'react-router'

import { queryClient } from '../../api/client.ts'
import { PageFrame } from '../../app/page-frame.tsx'
import { CopyButton } from '../../parts/shown-once.tsx'
import { Given, useTexts } from '../../texts/texts.tsx'
import { showCodes, type Unsaved } from '../unsaved-codes.ts'
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

function finish(): void {
  showCodes(undefined)
  void queryClient.resetQueries()
}

/** The recovery codes, at whatever address the person opens, until they say that they have saved them. */
export function RecoveryCodes({ codes, shownAt }: Unsaved) {
  const { enrol, settings } = useTexts()
  const { pathname } = useLocation()
  return (
    <PageFrame title={enrol.codesTitle} width="narrow">
      {pathname === shownAt ? null : (
        <p className="box box-warn" role="alert">
          {enrol.saveFirst}
        </p>
      )}
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
        <Button onClick={finish}>{enrol.saved}</Button>
      </div>
    </PageFrame>
  )
}
