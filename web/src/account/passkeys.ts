import { api } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf } from '../api/problem.ts'

type NewPasskey = Schemas['NewPasskeyInput']
type Assertion = Schemas['PasskeyAssertionInput']

/** Whether this browser has passkeys and reads their options as JSON. */
export function canUsePasskeys(): boolean {
  return typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential
}

export async function signInWithPasskey(): Promise<Schemas['LoggedIn']> {
  const options = await dataOf(api.POST('/api/v1/auth/login/passkey/options'))
  return dataOf(api.POST('/api/v1/auth/login/passkey', { body: await provePasskey(options) }))
}

/** Asks the device to sign the options of the service. Throws if the person cancels. */
export async function provePasskey(options: Schemas['PasskeyOptions']): Promise<Assertion> {
  // The service makes these options by the standard, whose type is wider than that of the description.
  const given = options as unknown as PublicKeyCredentialRequestOptionsJSON
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(given),
  })
  if (!(credential instanceof PublicKeyCredential)) throw new Error('the device gave no passkey')
  // JSON of WebAuthn, as the service reads it.
  return credential.toJSON() as unknown as Assertion
}

/** Asks the device to create a passkey by the options of the service. Throws if the person cancels. */
export async function createPasskey(options: Schemas['PasskeyOptions']): Promise<NewPasskey> {
  const given = options as unknown as PublicKeyCredentialCreationOptionsJSON
  const credential = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(given),
  })
  if (!(credential instanceof PublicKeyCredential)) throw new Error('the device made no passkey')
  return credential.toJSON() as unknown as NewPasskey
}
