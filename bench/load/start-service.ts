import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { freshDatabase } from '../../test/support/database/fresh-database.ts'
import { lastingHeaders } from '../../test/support/http/lasting-headers.ts'
import { postJson } from '../../test/support/http/post-json.ts'
import { manyAnHour } from '../../test/support/service/many-an-hour.ts'
import { s3Settings } from '../../test/support/s3/s3-settings.ts'
import type { Bench } from './prepare.ts'
import { type Program, startProgram } from './start-program.ts'
import { makePassableFolder } from '../../test/support/run/passable-folder.ts'

export type Service = Program & {
  /** The URL of the firm's documents. */
  documents: string
  headers: Record<string, string>
  folder: string
  /** Undefined: its database is the server that the environment names. */
  dataDir: string | undefined
  /** Its settings, for other commands on the same folders. */
  env: Record<string, string>
}

type ServiceOptions = {
  maxUploadBytes: number
  s3Endpoint?: string | undefined
  clamdUrl?: string | undefined
  trustProxy?: string
  /** Files go to the local disk, not to S3. */
  isLocal?: boolean
  /** Other settings. */
  settings?: Record<string, string>
}

/**
 * Starts the service as an operator does, in folders of its own, with a person who may upload. Its database is the
 * embedded one, which syncs every commit, unless the environment names a server.
 */
export async function startService(bench: Bench, options: ServiceOptions): Promise<Service> {
  const folder = await makePassableFolder('service-', bench.folder)
  const dataDir = join(folder, 'data')
  await mkdir(dataDir)
  const adminUrl = process.env['DATABASE_URL']
  const database = adminUrl === undefined ? undefined : await freshDatabase(adminUrl)
  const secret = randomBytes(32).toString('hex')
  const env = {
    ...manyAnHour,
    // A part sends some gigabytes for one firm.
    FIRM_QUOTA_BYTES: 'off',
    FIRM_QUOTA_DOCUMENTS: 'off',
    DRAFT_FIRM_BYTES: 'off',
    ...(options.isLocal !== true && s3Settings(bench.bucket, options.s3Endpoint)),
    ...(options.clamdUrl !== undefined && { CLAMD_URL: options.clamdUrl }),
    ...(options.trustProxy !== undefined && { TRUST_PROXY: options.trustProxy }),
    ...(database && { DATABASE_URL: database.url }),
    JWT_SECRET_KEY: secret,
    MAX_UPLOAD_BYTES: String(options.maxUploadBytes),
    DATA_DIR: dataDir,
    UPLOADS_DIR: join(folder, 'uploads'),
    PORT: '0',
    LOG_LEVEL: 'info',
    ...options.settings,
    // For a profiler, for example.
    NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'] ?? '',
  }
  const program = await startProgram({
    command: join(import.meta.dirname, '../../bin/paniq-docs'),
    words: ['serve'],
    signal: bench.signal,
    folder,
    logFile: join(folder, 'log'),
    env,
  })
  const stop = async () => {
    await program.stop()
    await database?.drop()
  }
  try {
    return {
      ...program,
      ...(await registerFirm(program.url, secret)),
      folder,
      env,
      stop,
      dataDir: database === undefined ? dataDir : undefined,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function registerFirm(url: string, secret: string): Promise<Pick<Service, 'documents' | 'headers'>> {
  const email = 'thandi@firm.example'
  const names = { first_name: 'Thandi', last_name: 'Nkosi' }
  const tokens = await postJson(`${url}/api/v1/auth/register`, {
    email,
    password: randomBytes(16).toString('hex'),
    ...names,
  })
  const headers = await lastingHeaders(String(tokens['access_token']), secret)
  const place = { phone: '+27110000000', address: '1 Long Street, Cape Town', province: 'Western Cape' }
  const firm = { name: 'Umkhonto Guarding', registration_number: '2001/000001/07', email, ...place }
  const { id } = await postJson(`${url}/api/v1/security-firms/register`, firm, headers)
  return { documents: `${url}/api/v1/security-firms/${String(id)}/documents`, headers }
}
