import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { api } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { useNotify } from '../../app/notices.tsx'
import { useTexts } from '../../texts/texts.tsx'
import { showCodes } from '../unsaved-codes.ts'
import { PasskeyList } from './passkey-list.tsx'
import { refreshSelf } from './setting-queries.ts'
import { TotpSetup } from './totp-setup.tsx'
import { WithPassword } from './with-password.tsx'

type Props = { factors: Schemas['Self']['second_factors'] }

/** What a sign-in asks for besides the password. */
export function SecondFactors({ factors }: Props) {
  const { settings: texts } = useTexts()
  return (
    <section>
      <h2>{texts.factorsTitle}</h2>
      <p>{texts.factorsHelp}</p>
      <AppFactor isOn={factors.totp} />
      <PasskeyList />
      <RecoveryCodesLeft factors={factors} />
    </section>
  )
}

/** The authenticator app: set up, or removed with the password. */
function AppFactor({ isOn }: { isOn: boolean }) {
  const { settings: texts } = useTexts()
  return (
    <div className="card">
      <div className="card-head">
        <h3 className="card-title">{texts.appTitle}</h3>
        <span className={`badge badge-${isOn ? 'good' : 'plain'}`}>{isOn ? texts.appOn : texts.appOff}</span>
      </div>
      <p className="card-line">{texts.appHelp}</p>
      {isOn ? <RemoveApp /> : <AddApp />}
    </div>
  )
}

function AddApp() {
  const { settings: texts, enrol } = useTexts()
  const [isAdding, setAdding] = useState(false)
  if (!isAdding)
    return (
      <div className="actions">
        <Button variant="default" onClick={() => setAdding(true)}>
          {texts.appAdd}
        </Button>
      </div>
    )
  return <TotpSetup label={enrol.begin} cancel={() => setAdding(false)} />
}

/** How many recovery codes are left, and new ones with the password. */
function RecoveryCodesLeft({ factors: { totp, passkeys, recovery_codes_left: left } }: Props) {
  const { settings: texts } = useTexts()
  const renewing = useMutation({
    mutationFn: (password: string) =>
      dataOf(api.POST('/api/v1/auth/second-factor/recovery-codes', { body: { password } })),
    onSuccess: ({ recovery_codes: codes }) => showCodes(codes),
  })
  const isEnrolled = totp || passkeys > 0
  return (
    <div className="card">
      <h3 className="card-title">{texts.codesTitle}</h3>
      <p>{isEnrolled ? texts.codesLeft(left) : texts.codesNone}</p>
      {isEnrolled ? (
        <div className="actions">
          <WithPassword
            label={texts.codesNew}
            help={texts.codesNewHelp}
            isPending={renewing.isPending}
            error={renewing.error}
            run={(password) => renewing.mutate(password)}
          />
        </div>
      ) : null}
    </div>
  )
}

function RemoveApp() {
  const { settings: texts } = useTexts()
  const notify = useNotify()
  const removing = useMutation({
    mutationFn: (password: string) => dataOf(api.DELETE('/api/v1/auth/second-factor/totp', { body: { password } })),
    async onSuccess() {
      await refreshSelf()
      notify(texts.appRemoved)
    },
  })
  return (
    <div className="actions">
      <WithPassword
        label={texts.appRemove}
        help={texts.appRemoveHelp}
        isPending={removing.isPending}
        error={removing.error}
        run={(password) => removing.mutate(password)}
      />
    </div>
  )
}
