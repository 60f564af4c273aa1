import { Button } from '@mantine/core'

import { PageFrame } from '../../app/page-frame.tsx'
import { CopyButton } from '../../parts/shown-once.tsx'
import { Given, useTexts } from '../../texts/texts.tsx'
import './settings.css'

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
        <Button variant="default" onClick={() => window.print()}>
          {settings.print}
        </Button>
        <Button onClick={onSaved}>{enrol.saved}</Button>
      </div>
    </PageFrame>
  )
}
