import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

import { Client } from 'pg'

import type { ClamdAddress, PostgresAddress, S3Address } from './service-addresses.ts'
import { ServiceFailure } from './service-failure.ts'

export type Environment = Record<string, string | undefined>

const answerWithinMs = 10_000
const bucketPrefix = 'documents'

/** The store that the environment names, once it is known to answer; `undefined` when it names none. */
export async function findNamedS3(env: Environment): Promise<S3Address | undefined> {
  const endpoint = env['AWS_ENDPOINT_URL_S3']
  if (!endpoint) return undefined

  const accessKeyId = requireVariable(env, 'AWS_ACCESS_KEY_ID')
  const secretAccessKey = requireVariable(env, 'AWS_SECRET_ACCESS_KEY')
  const sessionToken = env['AWS_SESSION_TOKEN']
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }

  const url = parseAddress('AWS_ENDPOINT_URL_S3', endpoint)
  await assertPortAnswers('AWS_ENDPOINT_URL_S3', url, url.protocol === 'https:' ? 443 : 80)
  return {
    endpoint,
    region: env['AWS_REGION_NAME'] ?? 'af-south-1',
    owner: credentials,
    app: credentials,
    bucketPrefix,
  }
}

/** The server that the environment names, once it is known to answer a query; `undefined` when it names none. */
export async function findNamedPostgres(env: Environment): Promise<PostgresAddress | undefined> {
  const adminUrl = env['DATABASE_URL']
  if (!adminUrl) return undefined

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

/** The scanner that the environment names, once its port answers; `undefined` when it names none. */
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
  if (!URL.canParse(address)) throw new ServiceFailure(`${variable} is not an address: ${address}`)
  return new URL(address)
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
  return new ServiceFailure(`${variable} names ${address}, which does not answer (${describe(cause)}).`)
}

function describe(error: unknown): string {
  // Several addresses of one host fail as one error without words of its own.
  if (error instanceof AggregateError) return describe(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

function withoutPassword(address: string): string {
  if (!URL.canParse(address)) return 'an address that is not a URL'
  const url = new URL(address)
  url.password = ''
  return url.href
}
