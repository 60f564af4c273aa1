import type { ConnectionStep, ConnectionTest, Finding } from './connection-step.ts'
import { nameCredentials } from './name-credentials.ts'
import { noCredentials } from './no-credentials.ts'

/** `place`: where the settings' own credentials stand, such as `.env`. */
export function lookForCredentials(place: string): ConnectionStep {
  return { step: 'credentials', title: 'Credentials', after: [], right: '', run: (test) => findIdentity(test, place) }
}

export async function findIdentity(
  { client, config }: Pick<ConnectionTest, 'client' | 'config'>,
  place: string,
): Promise<Finding> {
  try {
    const identity = await client.config.credentials()
    const source = config.credentials === undefined ? nameCredentials(identity) : `AWS_ACCESS_KEY_ID in ${place}`
    return { outcome: 'ok', says: `Credentials found: ${source}` }
  } catch (error) {
    const isNone = error instanceof Error && error.name === 'CredentialsProviderError'
    const reason = isNone || !(error instanceof Error) ? '' : ` The SDK says: ${error.message}`
    return { outcome: 'failed', says: noCredentials.says, advice: `${noCredentials.advice}${reason}` }
  }
}
