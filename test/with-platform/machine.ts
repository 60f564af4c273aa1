import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { programVariables } from '../support/service/program-variables.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** A folder that looks like a checkout, for the commands of a page. */
export type Machine = {
  write(name: string, text: string): Promise<void>
  /** The standard output of the lines. Throws if one of them fails. */
  type(lines: string): Promise<string>
  /** Starts a command that keeps running, and resolves with its address. */
  start(lines: string): Promise<string>
  /** Stops it like an operator. */
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
      // The shell is replaced by the program, which then gets the signal itself.
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
