import { spawn } from 'node:child_process'
import { join } from 'node:path'

import { beforeAll, expect, it } from 'vitest'

import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { ensureInstalled } from '../support/services/packages/install-packages.ts'

const python = '/usr/bin/python3'

const both = serviceOnBothStores()
beforeAll(async () => {
  await ensureInstalled([
    {
      service: 'Python with the library that the platform’s clients use',
      packages: ['python3-requests'],
      aboutMegabytes: 30,
      variables: [],
      missing: async () => ((await run(['-c', 'import requests'])).code === 0 ? [] : ['python3 with requests']),
    },
  ])
}, 300_000)

it.each(['onDisk', 'onS3'] as const)(
  'a Python client works with slashes, forms, lists, pages, files, links and errors as on the platform (%s)',
  async (where) => {
    const service = both[where]
    const { firm, admin } = await firmWithAdmin(service)
    const [stranger, colleague] = [await makePerson(service.app), await makePerson(service.app)]
    const { code, stdout, stderr } = await run([join(import.meta.dirname, 'call_the_service.py')], {
      input: makePdf({ bytes: 60_000 }),
      env: {
        URL: service.url,
        FIRM: firm,
        TOKEN: tokenOf(admin),
        STRANGER: tokenOf(stranger),
        EMAIL: colleague.email,
        COLLEAGUE: tokenOf(colleague),
      },
    })

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      made: [201, 201, 201, 201, 201],
      redirected: false,
      name: '0 – lisensie ñ.pdf',
      'fields of the platform': {
        id: 'str',
        document_type: 'str',
        file_name: 'str',
        file_size: 'int',
        uploaded_at: 'str',
        is_verified: 'bool',
      },
      pages: [2, 2, 1],
      'newest first': true,
      one: [200, true, true],
      // A redirect to S3, which the library follows without the token.
      file: [200, true, where === 'onS3' ? [302] : []],
      link: [['expires_at', 'url'], 200, true],
      refusals: [
        [401, 'unauthenticated', true, true],
        [403, 'not_a_member', true, true],
        [404, 'not_found', true, true],
        [422, 'validation_failed', true, true],
        [415, 'unsupported_type', true, true],
        [422, 'empty_file', true, true],
        [405, 'method_not_allowed', true, true],
      ],
      members: [202, 200, 2, 204, ''],
      'unknown address': [404, 'not_found', true, true],
      'empty body': [422, 'validation_failed', true, true],
      'in pieces': [201, 'pieces.pdf'],
    })
  },
)

function tokenOf({ headers }: Person): string {
  return headers.authorization.slice('Bearer '.length)
}

type Ran = { code: number | null; stdout: string; stderr: string }

async function run(
  words: string[],
  { input = Buffer.alloc(0), env = {} }: { input?: Buffer; env?: Record<string, string> } = {},
): Promise<Ran> {
  const child = spawn(python, words, { env: { PATH: process.env['PATH'] ?? '', PYTHONIOENCODING: 'utf-8', ...env } })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  // Input that it does not read because it has ended does not matter.
  child.stdin.on('error', () => undefined).end(input)
  return await new Promise((resolve) => {
    child.once('error', () => resolve({ code: null, ...said }))
    child.once('close', (code) => resolve({ code, ...said }))
  })
}
