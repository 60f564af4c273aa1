import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { beforeAll, expect, it } from 'vitest'

import { readBlocks } from '../readme/read-blocks.ts'
import { checkout } from '../support/cli/run-command.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { ensureInstalled } from '../support/services/packages/install-packages.ts'
import { type ExampleScene, openExample } from './example-scene.ts'

const minutes = 60_000
const readme = await readBlocks(join(checkout, 'examples/python/README.md'))
const packages = (/^apt-get install -y (.+)$/.exec(readme[1]?.text ?? '')?.[1] ?? '').split(' ')
const requirements = (await readFile(join(checkout, 'examples/python/requirements.txt'), 'utf8')).trim().split('\n')

/** Debian's Python, wherever another one is first. */
const withPython = { PATH: `/usr/bin:${process.env['PATH'] ?? ''}` }

beforeAll(async () => {
  await ensureInstalled([
    {
      service: 'Python with the packages of examples/python',
      packages,
      aboutMegabytes: 40,
      variables: [],
      missing: async () => {
        const installed = await Promise.all(['fastapi', 'httpx', 'python_multipart', 'uvicorn'].map(isInstalled))
        return installed.every(Boolean) ? [] : ['python3 with fastapi, httpx, python_multipart and uvicorn']
      },
    },
  ])
}, 5 * minutes)

async function isInstalled(module: string): Promise<boolean> {
  return (await python(`import ${module}`)) !== undefined
}

/** What a program prints. Undefined: it failed. */
async function python(program: string): Promise<string | undefined> {
  return await promisify(execFile)('/usr/bin/python3', ['-c', program]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  )
}

it('requirements.txt has the versions that the tests run with', async () => {
  const installed = await python(
    `from importlib.metadata import version
for each in ("fastapi", "httpx", "python-multipart", "uvicorn"): print(f"{each}=={version(each)}")`,
  )
  expect(requirements).toEqual(installed?.split('\n'))
})

it.each(['local', 's3'] as const)(
  'the commands of the Python README set up and start the application, upload, list, download and show the webhook (%s)',
  { timeout: 5 * minutes },
  async (store) => {
    const example = await openExample('python', store)
    const { address, answers } = await runReadme(example)
    const [uploaded, same] = answers
    const document = JSON.parse(uploaded ?? '') as { id: string; firm_id: string; storage: string }
    expect(document).toMatchObject({ file_name: 'sample.pdf', storage: store })
    expect(same).toBe('same\n')
    const event = {
      type: 'document.uploaded',
      data: { firm_id: document.firm_id, document_id: document.id, document_type: 'registration_certificate' },
    }
    await expect
      .poll(() => example.type(example.blocks('Trial').at(-1)?.text.replace('http://127.0.0.1:9000', address) ?? ''))
      .toContain(document.id)
    expect(await (await fetch(`${address}/events`)).json()).toMatchObject([event])

    const file = await fetch(`${address}/documents/${document.id}/file`)
    expect(file.headers.get('content-type')).toBe('application/pdf')
    expect(file.headers.get('content-disposition')).toContain('sample.pdf')
    expect((await stat(join(example.folder, 'settings.json'))).mode & 0o777).toBe(0o600)
    await rejectsForgeries(example, address)
    await passesErrorsOn(address)
  },
)

async function runReadme(example: ExampleScene): Promise<{ address: string; answers: string[] }> {
  const [port = 0] = await findFreePorts(1)
  const address = `http://127.0.0.1:${port}`
  const [, setUp, start] = example.blocks('Application')
  await example.type(setUp?.text ?? '', { ...withPython, APP_URL: address })
  await example.start(start?.text.replace('9000', String(port)) ?? '', /Application startup complete/, withPython)
  const answers: string[] = []
  for (const { text } of example.blocks('Trial').slice(0, 2))
    answers.push(await example.type(text.replaceAll('http://127.0.0.1:9000', address)))
  return { address, answers }
}

/** Sends what a stranger could send, and a repeat that the service could send. */
async function rejectsForgeries({ folder }: ExampleScene, address: string): Promise<void> {
  const settings = JSON.parse(await readFile(join(folder, 'settings.json'), 'utf8')) as { webhook_secret: string }
  const key = Buffer.from(settings.webhook_secret.slice('whsec_'.length), 'base64')
  const now = Math.floor(Date.now() / 1000)
  const body = JSON.stringify({ type: 'document.expired', timestamp: new Date().toISOString(), data: {} })
  const send = async (change: {
    at?: number | string
    body?: string
    key?: Buffer
    signatures?: (good: string) => string
  }) => {
    const at = String(change.at ?? now)
    const good = createHmac('sha256', change.key ?? key)
      .update(`an-id.${at}.${body}`)
      .digest('base64')
    const signature = change.signatures?.(good) ?? `v1,${good}`
    const headers = { 'webhook-id': 'an-id', 'webhook-timestamp': at, 'webhook-signature': signature }
    return (await fetch(`${address}/webhooks`, { method: 'POST', headers, body: change.body ?? body })).status
  }
  const events = async () => ((await (await fetch(`${address}/events`)).json()) as unknown[]).length

  expect(await events()).toBe(1)
  expect([
    await send({ body: body.replace('expired', 'verified') }),
    await send({ key: Buffer.alloc(32) }),
    await send({ at: now - 301 }),
    await send({ at: now + 400 }),
    await send({ at: '١٢' }).catch(() => 401),
    await send({ at: '-5' }),
    await send({ signatures: () => '' }),
    await send({ signatures: (good) => `v1a,${good}x` }),
  ]).toEqual(Array.from({ length: 8 }, () => 401))
  expect(await events()).toBe(1)
  expect([await send({}), await send({ signatures: (good) => `v1,AAAA v1,${good}` })]).toEqual([204, 204])
  expect(await events(), 'a repeat is counted once').toBe(2)
}

async function passesErrorsOn(address: string): Promise<void> {
  const form = new FormData()
  form.set('file', new File(['no document'], 'a.pdf'))
  const answer = await fetch(`${address}/documents?document_type=registration_certificate`, {
    method: 'POST',
    body: form,
  })
  expect([answer.status, await answer.json()]).toEqual([
    415,
    { detail: { code: 'unsupported_type', detail: expect.any(String) as string } },
  ])
  const missing = await fetch(`${address}/documents/00000000-0000-4000-8000-000000000000/file`)
  expect([missing.status, await missing.json()]).toMatchObject([404, { detail: { code: 'not_found' } }])
}
