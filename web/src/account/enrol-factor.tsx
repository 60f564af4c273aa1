import { useState } from 'react'

import { queryClient } from '../api/client.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { useTexts } from '../texts/texts.tsx'
import { RecoveryCodes } from './settings/recovery-codes.tsx'
import { TotpSetup } from './settings/totp-setup.tsx'

/** For a person who must have a second factor and has none: nothing else works before. */
export function EnrolFactor() {
  const { enrol } = useTexts()
  const [codes, setCodes] = useState<string[]>()
  if (codes !== undefined) return <RecoveryCodes codes={codes} onSaved={() => void queryClient.resetQueries()} />
  return (
    <PageFrame title={enrol.title} width="narrow">
      <p>{enrol.why}</p>
      <TotpSetup label={enrol.begin} onCodes={setCodes} />
    </PageFrame>
  )
}
