import { expect, test } from 'vitest'

import { loadConfig } from '../../config/load-config.ts'
import { findPlaintextConnections } from './find-plaintext.ts'

const adviceOf = (settings: Record<string, string>) =>
  findPlaintextConnections(loadConfig({ JWT_SECRET_KEY: 'a secret for tests that nobody else has', ...settings }))

test.each<[Record<string, string>, RegExp]>([
  [{ DATABASE_URL: 'postgres://app@db.example.com/app' }, /^DATABASE_URL: .*verify-full/],
  [{ DATABASE_URL: 'postgres://app@8.8.8.8/app?sslmode=no-verify' }, /^DATABASE_URL/],
  [{ DATABASE_URL: 'postgres://app@8.8.8.8/app?sslmode=require&uselibpqcompat=true' }, /^DATABASE_URL/],
  [{ DATABASE_URL: 'postgres://app@db/app', DATABASE_OWNER_URL: 'postgres://app@8.8.8.8/app' }, /^DATABASE_OWNER_URL/],
  [{ CLAMD_URL: 'tcp://scanner.example.com:3310' }, /^CLAMD_URL/],
  [{ AWS_ENDPOINT_URL_S3: 'http://s3.example.com' }, /^AWS_ENDPOINT_URL_S3: .*https/],
])('%o crosses public networks without TLS', (settings, advice) => {
  expect(adviceOf(settings)).toEqual([expect.stringMatching(advice)])
})

test.each<Record<string, string>>([
  {},
  { DATABASE_URL: 'postgres://app@db.example.com/app?sslmode=verify-full' },
  { DATABASE_URL: 'postgres://app@10.1.2.3/app' },
  { DATABASE_URL: 'postgres://app@db/app' },
  { DATABASE_URL: 'postgres://app@%2Fvar%2Frun%2Fpostgresql/app' },
  { CLAMD_URL: 'tcp://[::1]:3310' },
  { CLAMD_URL: 'unix:///run/clamd.ctl' },
  { AWS_ENDPOINT_URL_S3: 'https://s3.example.com' },
  { AWS_ENDPOINT_URL_S3: 'http://192.168.1.9:9000' },
])('%o does not', (settings) => {
  expect(adviceOf(settings)).toEqual([])
})
