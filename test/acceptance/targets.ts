import { randomUUID } from 'node:crypto'

import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { serveChild } from './serve-child.ts'

export type Administrator = { email: string; password: string }

export type Target = {
  url: string
  admin: Administrator | undefined
  /**
   * The platform's verification, before a registered person can log in. Without the platform they can log in at once.
   */
  verify?: (email: string) => Promise<void>
  close: () => Promise<void>
}

export type TargetToOpen = {
  name: string
  /** Started here and removed afterwards, so that permanent changes and operators' views can be tested too. */
  isOurs: boolean
  hasAdmin: boolean
  open: () => Promise<Target>
}

/** The maximum upload of a service started here; small, so that exceeding it is quick. */
export const maxBytesOfOurs = 1_000_000

/** The address in `ACCEPTANCE_URL`; without it the service itself, once with local storage and once with S3. */
export function chooseTargets(env: Record<string, string | undefined>): TargetToOpen[] {
  const { ACCEPTANCE_URL: url, ACCEPTANCE_ADMIN_EMAIL: email, ACCEPTANCE_ADMIN_PASSWORD: password } = env
  if (url === undefined || url === '') return [ours('with local storage', onDisk), ours('with S3', onS3)]

  const admin = email === undefined || password === undefined ? undefined : { email, password }
  const open = async () => ({ url, admin, close: async () => undefined })
  return [{ name: `at ${new URL(url).host}`, isOurs: false, hasAdmin: admin !== undefined, open }]
}

function ours(name: string, open: () => Promise<Target>): TargetToOpen {
  return { name, isOurs: true, hasAdmin: true, open }
}

async function onDisk(): Promise<Target> {
  const { admin, settings } = ourSettings()
  const { url, stop } = await serveChild(settings)
  return { url, admin, close: stop }
}

async function onS3(): Promise<Target> {
  const { admin, settings } = ourSettings()
  const bucket = await freshBucket()
  const { url, stop } = await serveChild({ ...settings, ...s3Settings(bucket) })
  return {
    url,
    admin,
    async close() {
      await stop()
      await bucket.remove()
    },
  }
}

/** The settings of a service started here, besides its store, its database and its address. */
export function ourSettings(): { admin: Administrator; settings: Record<string, string> } {
  const admin = { email: 'admin@acceptance.example', password: `correct horse ${randomUUID()}` }
  const settings = {
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: admin.password,
    MAX_UPLOAD_BYTES: String(maxBytesOfOurs),
  }
  return { admin, settings }
}
