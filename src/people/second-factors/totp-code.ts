import { Secret, TOTP } from 'otpauth'

/** What every authenticator app supports. */
const kind = { issuer: 'Paniq Documents', algorithm: 'SHA1', digits: 6, period: 30 }
const secretBytes = 20

/** Codes of the step before and after are accepted, since clocks differ. */
const window = 1

/** A new secret. `uri` is for the QR code of an authenticator app. */
export type NewSecret = { secret: string; uri: string }

export function createSecret(label: string): NewSecret {
  const totp = new TOTP({ ...kind, label, secret: new Secret({ size: secretBytes }) })
  return { secret: totp.secret.base32, uri: totp.toString() }
}

/** The 30-second step that a code belongs to; undefined for a wrong code. */
export function findStep(secret: string, code: string, now: Date): number | undefined {
  const totp = new TOTP({ ...kind, secret: Secret.fromBase32(secret) })
  const timestamp = now.getTime()
  const delta = totp.validate({ token: code.replaceAll(/\s/g, ''), timestamp, window })
  return delta === null ? undefined : totp.counter({ timestamp }) + delta
}
