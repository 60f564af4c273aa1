import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { onTestFinished } from 'vitest'

import { stopAnyServer } from '../../embedded/data-folder.ts'
import { programVariables } from '../service/program-variables.ts'
import { makePassableFolder } from '../run/passable-folder.ts'

export const checkout = fileURLToPath(new URL('../../..', import.meta.url))
export const launcher = join(checkout, 'bin', 'paniq-docs')

export type Settings = Record<string, string>
export type Answer = { code: number | null; stdout: string; stderr: string }

/** An empty working directory with the database and documents of a command. It is removed when the test ends. */
export async function makeWorkFolder(): Promise<string> {
  const folder = await makePassableFolder('paniq-cli-')
  onTestFinished(async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  onTestFinished(async () => stopAnyServer(join(folder, 'data')))
  return folder
}

/** Runs a command with the real launcher in a separate process, with only these settings as its environment. */
export function startCommand(cwd: string, words: string[], settings: Settings = {}) {
  return follow(spawn(launcher, words, { cwd, env: environment(cwd, settings) }))
}

/** Runs an npm script of this checkout, with data and documents below `folder`. */
export function startScript(folder: string, script: string, settings: Settings = {}) {
  return follow(
    spawn('npm', ['run', script], { cwd: checkout, env: { ...environment(folder, settings), ...storedBelow(folder) } }),
  )
}

export function storedBelow(folder: string): Settings {
  return { DATA_DIR: join(folder, 'data'), UPLOADS_DIR: join(folder, 'uploads') }
}

/** The same on a terminal, as a person starts it. Both outputs are one. */
export function startOnTerminal(cwd: string, line: string, settings: Settings = {}) {
  const env = { ...environment(cwd, settings), TERM: 'xterm', SHELL: '/bin/sh' }
  return follow(spawn('script', ['--quiet', '--return', '--flush', '--command', line, '/dev/null'], { cwd, env }))
}

export async function runCommand(
  cwd: string,
  words: string[],
  { settings, input = '' }: { settings?: Settings; input?: string } = {},
): Promise<Answer> {
  const command = startCommand(cwd, words, settings)
  command.type(input)
  command.endInput()
  return await command.ended()
}

function environment(home: string, settings: Settings): Settings {
  return {
    ...programVariables(),
    HOME: home,
    // Otherwise the SDK would query the network for the machine's identity.
    AWS_EC2_METADATA_DISABLED: 'true',
    PORT: '0',
    ...settings,
  }
}

function follow(child: ChildProcessWithoutNullStreams) {
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  // Input that it does not read because it has ended does not matter.
  child.stdin.on('error', () => undefined)
  let code: number | null | undefined
  const closed = once(child, 'close').then(() => (code = child.exitCode))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await closed
  })

  return {
    pid: child.pid ?? Number.NaN,
    said,
    type: (text: string) => child.stdin.write(text),
    endInput: () => child.stdin.end(),
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    isRunning: () => code === undefined,
    /** Returns its output once this text is in it, on either output. */
    async untilSaid(pattern: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const found = pattern.exec(said.stdout) ?? pattern.exec(said.stderr)
        if (found !== null) return found
        if (code !== undefined) throw new Error(`it ended with ${code}, and had said: ${said.stdout}${said.stderr}`)
        await sleep(5)
      }
    },
    async ended(): Promise<Answer> {
      await closed
      return { code: child.exitCode, ...said }
    },
  }
}
