import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { expect, onTestFinished, test } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import type { Person } from '../support/people/people.ts'
import { type FaultProxy, startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const script = join(import.meta.dirname, '../../examples/shell/upload-resumable.sh')
const bytes = makePdf({ bytes: 6_000_000 })

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  const line = await startFaultProxy({ port: Number(new URL(service.url).port) })
  closing.defer(() => line.close())
  return { service, line }
})

type Run = { file: string; env: Record<string, string>; admin: Person }

async function prepare(line: FaultProxy): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-example-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'licence.pdf')
  await writeFile(file, bytes)
  const { firm, admin } = await firmWithAdmin(scene.service)
  const env = {
    PATH: process.env['PATH'] ?? '',
    API: `http://127.0.0.1:${line.port}/api/v1`,
    FIRM: firm,
    TOKEN: admin.headers.authorization.replace('Bearer ', ''),
    PAUSE: '0.05',
  }
  return { file, env, admin }
}

/** The document's address that the script prints, and the bytes that are served there. */
async function finish({ file, env, admin }: Run): Promise<{ saidOffsets: string; served: Buffer }> {
  const { stdout, stderr } = await promisify(execFile)(script, [file, 'security_license'], { env })
  const path = new URL(stdout.trim()).pathname
  const answer = await fetch(`${scene.service.url}${path}/download`, { headers: admin.headers })
  return { saidOffsets: stderr, served: Buffer.from(await answer.arrayBuffer()) }
}

test('the script continues after each broken connection', async () => {
  const { line } = scene
  const run = await prepare(line)
  line.setFault({ kind: 'cut_up', afterBytes: 2_500_000 })
  const { saidOffsets, served } = await finish(run)

  expect(saidOffsets.match(/From byte/g)?.length).toBeGreaterThan(2)
  expect(served.equals(bytes)).toBe(true)
  expect(existsSync(`${run.file}.upload`)).toBe(false)
}, 60_000)

test('the script continues after it was killed', async () => {
  const { line } = scene
  const run = await prepare(line)
  line.setFault({ kind: 'cut_up', afterBytes: 2_500_000 })
  // Its first pause is long enough to kill it there.
  const first = spawn(script, [run.file, 'security_license'], { env: { ...run.env, PAUSE: '60' }, detached: true })
  const ended = once(first, 'exit')
  for await (const text of first.stderr) if (String(text).includes('Trying again')) break
  process.kill(-(first.pid ?? 0), 'SIGKILL')
  await ended
  line.setFault({ kind: 'none' })
  const { saidOffsets, served } = await finish(run)

  expect(saidOffsets).not.toContain('From byte 0\n')
  expect(served.equals(bytes)).toBe(true)
}, 60_000)

test('the script ends with the status of a rejection', async () => {
  const { line } = scene
  line.setFault({ kind: 'none' })
  const { file, env } = await prepare(line)

  await expect(promisify(execFile)(script, [file, 'no_such_type'], { env })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/The service answered 4\d\d/),
  })
}, 60_000)
