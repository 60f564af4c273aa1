import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

import { ListBucketsCommand } from '@aws-sdk/client-s3'
import { Client } from 'pg'

import { s3ClientOf } from './packages/s3-client.ts'
import type { ClamdAddress, PostgresAddress, S3Address } from './packages/service-addresses.ts'
import { ServiceFailure } from './packages/service-failure.ts'

export type Environment = Record<string, string | undefined>

const answerWithinMs = 10_000
const bucketPrefix = 'documents'

/** The store that the environment names, after a check that it answers; `undefined` without one. */
export async function findNamedS3(env: Environment): Promise<S3Address | undefined> {
  const endpoint = env['AWS_ENDPOINT_URL_S3']
  if (!endpoint) return undefined

  const url = parseAddress('AWS_ENDPOINT_URL_S3', endpoint)
  await assertPortAnswers('AWS_ENDPOINT_URL_S3', url, url.protocol === 'https:' ? 443 : 80)

  const accessKeyId = requireVariable(env, 'AWS_ACCESS_KEY_ID')
  const secretAccessKey = requireVariable(env, 'AWS_SECRET_ACCESS_KEY')
  const sessionToken = env['AWS_SESSION_TOKEN']
  const keys = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
  const region = env['AWS_REGION_NAME'] ?? 'af-south-1'
  const s3 = { endpoint, region, owner: keys, app: keys, bucketPrefix }
  await assertKeysAreTaken(s3)
  return s3
}

/** The server that the environment names, after a check that it answers a query; `undefined` without one. */
export async function findNamedPostgres(env: Environment): Promise<PostgresAddress | undefined> {
  const adminUrl = env['DATABASE_URL']
  if (!adminUrl) return undefined

  parseAddress('DATABASE_URL', adminUrl)
  const client = new Client({ connectionString: adminUrl, connectionTimeoutMillis: answerWithinMs })
  try {
    await client.connect()
    await client.query('select 1')
  } catch (error) {
    throw notAnswering('DATABASE_URL', withoutPassword(adminUrl), error)
  } finally {
    await client.end().catch(() => undefined)
  }
  return { adminUrl }
}

/** The same, after a check that it syncs every commit to disk. */
export async function findNamedDurablePostgres(env: Environment): Promise<PostgresAddress | undefined> {
  const named = await findNamedPostgres(env)
  if (named === undefined || (await isDurable(named))) return named
  throw new ServiceFailure(
    'DATABASE_URL names a server that does not wait for the disk (fsync or synchronous_commit is off), so it proves ' +
      'nothing here. Turn both on, or remove DATABASE_URL: then one is started for this.',
  )
}

/** Whether a committed transaction is on the disk. */
export async function isDurable({ adminUrl }: PostgresAddress): Promise<boolean> {
  const client = new Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ setting: string }>(
      `select setting from pg_settings where name in ('fsync', 'synchronous_commit')`,
    )
    return rows.length === 2 && rows.every(({ setting }) => setting !== 'off')
  } finally {
    await client.end()
  }
}

/** The scanner that the environment names, after a check that its port answers; `undefined` without one. */
export async function findNamedClamd(env: Environment): Promise<ClamdAddress | undefined> {
  const address = env['CLAMD_URL']
  if (!address) return undefined

  const url = parseAddress('CLAMD_URL', address)
  await assertPortAnswers('CLAMD_URL', url, 3310)
  return { url: address }
}

function requireVariable(env: Environment, name: string): string {
  const value = env[name]
  if (!value) throw new ServiceFailure(`AWS_ENDPOINT_URL_S3 is set, but ${name} is not: the tests need both.`)
  return value
}

function parseAddress(variable: string, address: string): URL {
  if (!URL.canParse(address)) throw new ServiceFailure(`${variable} is not an address (scheme://host:port).`)
  return new URL(address)
}

async function assertKeysAreTaken(s3: S3Address): Promise<void> {
  const client = s3ClientOf(s3, s3.owner)
  try {
    await client.send(new ListBucketsCommand({}))
  } catch (error) {
    const why = error instanceof Error ? error.name : 'unknown'
    throw new ServiceFailure(
      `AWS_ENDPOINT_URL_S3 names ${s3.endpoint}, which refuses AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (${why}).`,
      { cause: error },
    )
  } finally {
    client.destroy()
  }
}

async function assertPortAnswers(variable: string, url: URL, usualPort: number): Promise<void> {
  const target =
    url.protocol === 'unix:'
      ? { path: url.pathname }
      : { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || usualPort) }
  const socket = connect(target)
  const giveUp = new AbortController()
  try {
    await Promise.race([
      new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject)),
      wait(answerWithinMs, undefined, { signal: giveUp.signal }).then(() => {
        throw new Error(`no answer within ${answerWithinMs / 1000} s`)
      }),
    ])
  } catch (error) {
    throw notAnswering(variable, withoutPassword(url.href), error)
  } finally {
    giveUp.abort()
    socket.destroy()
  }
}

function notAnswering(variable: string, address: string, cause: unknown): ServiceFailure {
  return new ServiceFailure(`${variable} names ${address}, which does not answer (${describe(cause)}).`, { cause })
}

function describe(error: unknown): string {
  // Failures of several addresses of one host are one error without a message.
  if (error instanceof AggregateError) return describe(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

function withoutPassword(address: string): string {
  const url = new URL(address)
  url.password = ''
  return url.href
}
