import type { S3Config } from '../../../config/config.ts'
import { AppError } from '../../../errors/app-error.ts'
import { openS3Client } from '../requests/retrying-s3-client.ts'
import type { ConnectionStep, ConnectionTest, Finding } from './connection-step.ts'

/** `place`: the source of the credentials in the settings, such as `.env`. */
export function findCredentialsStep(place: string): ConnectionStep {
  return { step: 'credentials', title: 'Credentials', after: [], right: '', run: (test) => findIdentity(test, place) }
}

async function findIdentity(
  { client, config }: Pick<ConnectionTest, 'client' | 'config'>,
  place: string,
): Promise<Finding> {
  try {
    const identity = await client.config.credentials()
    const source = config.credentials === undefined ? nameCredentials(identity) : `AWS_ACCESS_KEY_ID in ${place}`
    return { outcome: 'ok', message: `Credentials found: ${source}` }
  } catch (error) {
    const isNone = error instanceof Error && error.name === 'CredentialsProviderError'
    const reason = isNone || !(error instanceof Error) ? '' : ` The SDK reports: ${error.message}`
    return { outcome: 'failed', message: noCredentials.message, advice: `${noCredentials.advice}${reason}` }
  }
}

/** Describes the source of the credentials. Throws `store_unavailable` with advice when there are none. */
export async function requireCredentials(config: S3Config, place: string): Promise<string> {
  const client = openS3Client({ config, log: { warn: () => undefined } })
  try {
    const { outcome, message, advice = '' } = await findIdentity({ client, config }, place)
    if (outcome !== 'ok') throw new AppError('store_unavailable', `${message}. ${advice}`)
    return message
  } finally {
    client.destroy()
  }
}

/** The source of credentials by the marks that the SDK sets on them. The first match counts. */
const sources: [mark: string, name: string][] = [
  ['CREDENTIALS_STS_ASSUME_ROLE_WEB_ID', 'a web identity'],
  ['CREDENTIALS_PROFILE_SSO', 'single sign-on'],
  ['CREDENTIALS_SSO', 'single sign-on'],
  ['CREDENTIALS_SSO_LEGACY', 'single sign-on'],
  ['CREDENTIALS_LOGIN', 'aws login'],
  ['CREDENTIALS_STS_ASSUME_ROLE', 'an assumed role'],
  ['CREDENTIALS_PROFILE', 'a profile'],
  ['CREDENTIALS_PROFILE_PROCESS', 'a profile’s credential_process'],
  ['CREDENTIALS_PROCESS', 'a profile’s credential_process'],
  ['CREDENTIALS_HTTP', 'the container’s role'],
  ['CREDENTIALS_IMDS', 'the machine’s role'],
  ['CREDENTIALS_ENV_VARS', 'the environment'],
]

function nameCredentials(identity: object): string {
  const marks = '$source' in identity ? Object.keys(identity.$source ?? {}) : []
  return sources.find(([mark]) => marks.includes(mark))?.[1] ?? 'the SDK’s default chain'
}

/** For the case that neither the settings nor the SDK's chain provide credentials. */
export const noCredentials = {
  message: 'AWS credentials not found',
  advice: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env, or AWS_PROFILE, or give the machine a role.',
}
