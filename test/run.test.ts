import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { expect, test } from 'vitest'

import { findFreePorts } from './support/services/packages/free-ports.ts'

/** Runs the program of `npm test` with only these variables. */
async function runWith(variables: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'run.ts')], {
    env: { PATH: process.env['PATH'], ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { stdout, stderr, exitCode }
}

test.each(['AWS_ENDPOINT_URL_S3', 'DATABASE_URL'])(
  'a closed port in %s fails the run and is named',
  async (variable) => {
    const [port] = await findFreePorts(1)
    const { stdout, stderr, exitCode } = await runWith({ [variable]: `http://user:secret@127.0.0.1:${port}` })

    expect(exitCode).toBe(1)
    expect(stdout).toBe('0 passed, 1 failed\n')
    expect(stderr).toContain(`${variable} names http://user@127.0.0.1:${port}`)
    expect(stderr).not.toContain('secret')
  },
)
