import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'

import { AccessDenied, AppError } from '../errors/app-error.ts'
import { StoreError } from '../storage/file-store.ts'
import { toLocalError } from '../storage/local/local-errors.ts'
import { s3FailureOf } from '../storage/s3/requests/s3-errors.ts'
import { S3Error } from '../storage/s3/requests/s3-operation.ts'
import { describeError } from './describe-error.ts'

const at = new Date('2026-01-02T03:04:05Z')
const inTheLog = 'It failed for a reason that the log of that instance has, at 2026-01-02T03:04:05.000Z.'

const named = (message: string, more: object) => Object.assign(new Error(message), more)
const ofSystem = (code: string, more: object = {}) =>
  named(`${code}: open '/var/lib/paniq/uploads/x'`, { code, errno: -1, path: '/var/lib/paniq/uploads/x', ...more })
const ofSdk = named('arn:aws:iam::1234:role/documents is not authorized on paniq-documents', {
  name: 'AccessDenied',
  $metadata: { httpStatusCode: 403 },
})
const ofPostgres = (code: string) =>
  Object.assign(new DatabaseError('relation "document_runs" does not exist', 1, 'error'), { code, severity: 'ERROR' })

test.each<[string, unknown, string]>([
  ['a sentence that is for people', new AppError('gone', 'It is gone.', { cause: ofSdk }), 'It is gone.'],
  [
    'a denied person',
    new AccessDenied('not_a_member'),
    'You are not an active member of this firm. Ask the firm’s administrator to add you.',
  ],
  [
    'S3, as a store has it',
    new S3Error('put_object', s3FailureOf(ofSdk), ofSdk),
    'S3 denies a permission that the service needs.',
  ],
  ['S3, as the SDK has it', ofSdk, 'S3 denies a permission that the service needs.'],
  [
    'S3, below another failure',
    new Error('at s3://paniq-documents', { cause: ofSdk }),
    'S3 denies a permission that the service needs.',
  ],
  [
    'S3 out of reach',
    ofSystem('ECONNREFUSED', { syscall: 'connect', $metadata: { attempts: 3 } }),
    'S3 does not answer.',
  ],
  [
    'a request that S3 would never take',
    named('bad', { name: 'InvalidRequest', $metadata: { httpStatusCode: 400 } }),
    'S3 rejected the request.',
  ],
  ['the database out of reach', ofSystem('ECONNREFUSED', { syscall: 'connect' }), 'The database could not be reached.'],
  [
    'a table that is not there',
    ofPostgres('42P01'),
    'The database lacks something that this version of the service needs, or does not allow it.',
  ],
  ['another class of SQLSTATE', ofPostgres('XX000'), 'The database failed.'],
  ['a full disk', toLocalError(ofSystem('ENOSPC')), 'A disk is full.'],
  ['no permission', ofSystem('EPERM'), 'The service has no permission for a file or folder that it needs.'],
  ['a missing folder', ofSystem('ENOENT'), 'A file or folder that the service needs does not exist.'],
  ['what a store says of itself', new StoreError('misused', 'The key security_firms/1/x is wrong.'), inTheLog],
  ['what nobody foresaw', new Error('postgres://paniq:s3cr3t@db', { cause: new Error('/srv') }), inTheLog],
  ['what is no error', 'not even an error', inTheLog],
])('of %s a fixed sentence without internals is returned', (_what, error, sentence) => {
  expect(describeError(error, at)).toBe(sentence)
})

test('a cycle of causes ends', () => {
  const error = new Error('one')
  error.cause = new Error('other', { cause: error })

  expect(describeError(error, at)).toBe(inTheLog)
})
