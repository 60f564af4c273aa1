import { describe, expect, test } from 'vitest'

import { AccessDenied, AppError, ConfigError } from '../../errors/app-error.ts'
import { Fault } from '../../errors/faults.ts'
import { toLocalError } from '../../storage/local/local-errors.ts'
import { s3FailureOf } from '../../storage/s3/requests/s3-errors.ts'
import { S3Error } from '../../storage/s3/requests/s3-operation.ts'
import { explainFailure, explainListening } from './explain-failure.ts'

describe('a database that cannot be opened, or was lost', () => {
  test.each([
    ['28P01', 'rejects this user or password'],
    ['3D000', 'createdb'],
    ['42501', 'db migrate with DATABASE_OWNER_URL'],
    ['42501', 'docs/grants.md'],
    ['53300', 'max_connections'],
    ['57P03', 'try again'],
    ['28000', 'TLS'],
    ['28000', 'no such user'],
    ['ENOTFOUND', 'host name'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'sslrootcert'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'another name'],
  ])('%s, at any depth of causes: prints the fix', (code, advice) => {
    const cause = Object.assign(new Error('from the driver'), { code })
    const { message, isExpected } = explainFailure(new Error('the database could not be migrated', { cause }))
    expect(message).toMatch(/^The database \(DATABASE_URL, DATABASE_OWNER_URL, DATABASE_DIRECT_URL\): /)
    expect(message).toContain(advice)
    expect(message).not.toContain('driver')
    expect(isExpected).toBe(true)
  })

  test('a connection that fails at all addresses of a name', () => {
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' })
    expect(explainFailure(new AggregateError([refused, refused])).code).toBe('database')
  })
})

test('a transaction pooler at DATABASE_URL: names the missing setting', () => {
  const rejected = Object.assign(new Error('unsupported startup parameter: lock_timeout'), { code: '08P01' })
  expect(explainFailure(rejected).message).toContain('Set DATABASE_DIRECT_URL')
})

describe('a store that fails', () => {
  test('S3: names its error and the command that finds the cause', () => {
    const failure = s3FailureOf(Object.assign(new Error('from the SDK'), { name: 'AccessDenied' }))
    expect(explainFailure(new S3Error('list_objects', failure))).toEqual({
      code: 'store_unavailable',
      message: 'S3 cannot be used (AccessDenied). Find the cause with ./bin/paniq-docs s3 test, and run this again.',
      isExpected: true,
    })
  })

  test.each([
    ['ENOSPC', /A disk is full\. Make room there, and run this again\.$/],
    ['EACCES', /no permission .*Let this user read and write/],
    ['EROFS', /read-only\. Mount it/],
    ['EIO', /A disk fails\. Check the system log/],
    ['ENXIO', /failed with ENXIO\. Check the system log/],
  ])('the disk, %s: prints the fix', (code, says) => {
    const failed = toLocalError(Object.assign(new Error(`${code}: open '/srv/documents'`), { code, errno: -28 }))
    const { message, isExpected } = explainFailure(new Error('while working', { cause: failed }))
    expect(message).toMatch(says)
    expect(message).not.toContain('/srv')
    expect(isExpected).toBe(true)
  })

  test('a folder of the settings that cannot be created is named', () => {
    const failed = Object.assign(new Error('EROFS: mkdir'), {
      code: 'EROFS',
      syscall: 'mkdir',
      path: '/srv/data/spool',
    })
    expect(explainFailure(failed).message).toBe(
      '/srv/data/spool: A disk is read-only. Mount it with write access, and run this again.',
    )
  })

  test('a missing file under a key is unexpected', () => {
    const failed = toLocalError(Object.assign(new Error('ENOENT: open'), { code: 'ENOENT', errno: -2 }))
    expect(explainFailure(failed).isExpected).toBe(false)
  })
})

test('a denial and a failure of the database or a store get their sentences', () => {
  expect(explainFailure(new AccessDenied('firm_missing'))).toMatchObject({ message: 'There is no such firm.' })
  expect(explainFailure(new Fault('table_unknown', { table: 'x' }))).toMatchObject({
    code: 'conflict',
    message: 'The backup has a table that this version does not know: x.',
  })
})

test('a message for people stays unchanged', () => {
  expect(explainFailure(new ConfigError('PORT: must be.'))).toMatchObject({
    message: 'PORT: must be.',
    isExpected: true,
  })
  expect(explainFailure(new AppError('conflict', 'It is there.'))).toMatchObject({ code: 'conflict', isExpected: true })
})

test('an unexpected error is one sentence, and is logged', () => {
  const { message, isExpected } = explainFailure(new TypeError('x is not a function\n    at somewhere'))
  expect(message).toBe('Unexpected error: x is not a function. Run it again with LOG_LEVEL=debug for details.')
  expect(isExpected).toBe(false)
})

test.each([
  ['EADDRINUSE', 'Port 80 is in use. Stop the program that uses it, or choose another port: PORT=81 npm start'],
  ['EACCES', 'PORT: this user may not use 80. Choose a port above 1023: PORT=8000 npm start'],
  ['EADDRNOTAVAIL', 'HOST: "10.0.0.1" is not an address of this machine. Use 127.0.0.1, or 0.0.0.0 for every address.'],
])('an address that cannot be listened on, %s', (code, message) => {
  const explained = explainListening(Object.assign(new Error('listen'), { code }), { host: '10.0.0.1', port: 80 })
  expect(explained).toEqual(new ConfigError(message))
})
