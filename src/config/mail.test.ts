import { describe, expect, test } from 'vitest'

import { loadConfig } from './load-config.ts'

const publicUrl = { PUBLIC_URL: 'https://documents.example' }
const mailOf = (environment: Record<string, string>) => loadConfig({ ...publicUrl, ...environment }).mail

describe('the mail server', () => {
  test('is not set by default: no mail is sent', () => {
    expect(loadConfig({}).mail).toBeUndefined()
  })

  test('gets the port of its protocol, its login decoded, and TLS', () => {
    expect(mailOf({ SMTP_URL: 'smtp://me%40here:p%2Fw@mail.example.com' })?.server).toEqual({
      host: 'mail.example.com',
      port: 587,
      startsWithTls: false,
      requiresTls: true,
      login: { user: 'me@here', password: 'p/w' },
    })
    expect(mailOf({ SMTP_URL: 'smtps://mail.example.com' })?.server).toMatchObject({
      port: 465,
      startsWithTls: true,
      login: undefined,
    })
  })

  test.each([
    'smtp://127.0.0.1:2525',
    'smtp://[::1]:2525',
    'smtp://localhost:2525',
    'smtp://relay.internal:25?tls=off',
  ])('may be used without TLS: %s', (url) => {
    expect(mailOf({ SMTP_URL: url })?.server.requiresTls).toBe(false)
  })

  test.each([
    'http://mail.example.com',
    'smtp://',
    'smtp://hunter2-secret@mail.example.com',
    'smtp://me:hunter2-secret%@mail.example.com',
    'smtp://mail.example.com?pool=true',
  ])('is not %s', (url) => {
    expect(() => mailOf({ SMTP_URL: url })).toThrow(/^SMTP_URL: its value must be .+ smtps:\/\/, .+\.$/)
  })

  test('needs the public address, which the links in mails begin with', () => {
    expect(() => loadConfig({ SMTP_URL: 'smtp://me:hunter2-secret@mail.example.com' })).toThrow(
      /^PUBLIC_URL is not set/,
    )
    expect(() => loadConfig({ MAIL_FROM: 'documents@example.com' })).toThrow(/^MAIL_FROM is set, but SMTP_URL is not/)
  })
})

const from = (environment: Record<string, string>) => mailOf({ SMTP_URL: 'smtp://127.0.0.1', ...environment })?.from

describe('the sender', () => {
  test('is an address, with or without a name', () => {
    expect(from({ MAIL_FROM: 'documents@example.com' })).toEqual({ name: '', address: 'documents@example.com' })
    expect(from({ MAIL_FROM: 'Paniq, Cape Town <documents@example.com>' })).toEqual({
      name: 'Paniq, Cape Town',
      address: 'documents@example.com',
    })
  })

  test('is no-reply at the host of the public address by default', () => {
    expect(from({})).toEqual({ name: 'Paniq Documents', address: 'no-reply@documents.example' })
    expect(from({ PUBLIC_URL: 'http://127.0.0.1:8000' })?.address).toBe('no-reply@[127.0.0.1]')
    expect(from({ PUBLIC_URL: 'http://[::1]:8000' })?.address).toBe('no-reply@[IPv6:::1]')
  })
})
