import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { programVariables } from '../support/service/program-variables.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** A folder that looks like a checkout, in which somebody types what a page says. */
export type Machine = {
  write(name: string, text: string): Promise<void>
  /** What the lines print on standard output; throws when one of them fails. */
  type(lines: string): Promise<string>
  /** Starts what does not end by itself, and resolves with where it answers. */
  start(lines: string): Promise<string>
  /** As an operator ends it. */
  stop(): Promise<number | null>
  kill(): Promise<void>
}

export async function openMachine(folder: string, env: Record<string, string>): Promise<Machine> {
  await mkdir(folder)
  for (const name of ['bin', 'deploy', 'docs', 'node_modules', 'src', 'package.json'])
    await symlink(join(root, name), join(folder, name))
  const environment = { ...programVariables(), HOME: folder, ...env }
  let service: ChildProcess | undefined

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const ending = service
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return ending?.exitCode ?? null
    ending.kill(signal)
    await once(ending, 'exit')
    return ending.exitCode
  }

  return {
    write: (name, text) => writeFile(join(folder, name), text),
    async type(lines) {
      const { stdout } = await run('bash', ['-euc', lines], { cwd: folder, env: environment })
      return stdout.trim()
    },
    async start(lines) {
      // The shell makes way for it, so that it hears the signal itself.
      service = spawn('bash', ['-euc', `exec ${lines}`], {
        cwd: folder,
        env: environment,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      return addressIn(service)
    },
    stop: () => end('SIGTERM'),
    async kill() {
      await end('SIGKILL')
    },
  }
}

async function addressIn({ stderr }: ChildProcess): Promise<string> {
  const said: string[] = []
  if (stderr === null) throw new Error('nothing can be heard')
  for await (const line of createInterface(stderr)) {
    said.push(line)
    const address = /answers at (http:\S+)/.exec(line)?.[1]
    if (address === undefined) continue
    stderr.resume()
    return address
  }
  throw new Error(`it did not start: ${said.join('\n')}`)
}
