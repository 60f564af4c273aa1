import type { Schemas } from '../../api/openapi.d.ts'
import { useTexts } from '../../texts/texts.tsx'
import { AppFactor } from './app-factor.tsx'
import { PasskeyList } from './passkey-list.tsx'

type Props = { factors: Schemas['Self']['second_factors']; onCodes: (codes: string[]) => void }

/** What a sign-in asks for besides the password. */
export function SecondFactors({ factors, onCodes }: Props) {
  const { settings: texts } = useTexts()
  return (
    <section>
      <h2>{texts.factorsTitle}</h2>
      <p>{texts.factorsHelp}</p>
      <AppFactor isOn={factors.totp} onCodes={onCodes} />
      <PasskeyList onCodes={onCodes} />
      <div className="card">
        <h3 className="card-title">{texts.codesTitle}</h3>
        <p>{factors.recovery_codes_left === 0 ? texts.codesNone : texts.codesLeft(factors.recovery_codes_left)}</p>
        {factors.totp ? <p className="card-line">{texts.codesNew}</p> : null}
      </div>
    </section>
  )
}
