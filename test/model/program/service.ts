import { setTimeout as sleep } from 'node:timers/promises'

import { loadConfig } from '../../../src/config/load-config.ts'
import type { Db } from '../../../src/database/connection/client.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { untilDisconnected } from './dead-programs.ts'
import { type Place, type Program, serveWith, startProgram } from './program.ts'
import { type Command, type Ended, runCommand } from './run-command.ts'

/** The service and its commands with the same settings. */
export type Service = {
  /** Ends it like a machine failure. */
  kill(): Promise<void>
  /** Starts it if it does not run. */
  start(): Promise<void>
  /** Runs a command next to it. */
  run(command: Command): Promise<Ended>
  /** The same in a process that is killed after this time, unless it has ended. */
  runAndKill(command: Command, afterMs: number): Promise<Ended | 'killed'>
  close(): Promise<void>
}

/** `asOperator`: settings of an operator who may destroy old versions, which the service may not. */
type Scene = { place: Place & { url: string }; asOperator: Record<string, string>; db: Db }

export function openService({ place, asOperator, db }: Scene): Service {
  let serving: Program | undefined
  let waiting = startProgram(place)
  // The next one loads while this one works.
  const takeProgram = () => {
    const taken = waiting
    waiting = startProgram(place)
    return taken
  }
  const end = async (program: Program) => {
    await program.kill()
    await untilDisconnected(db, program.name)
  }
  const config = loadConfig(place.env)
  const operatorsConfig = loadConfig({ ...place.env, ...asOperator })
  const log = createLogger({ level: 'silent', isTerminal: false })

  return {
    async kill() {
      if (serving !== undefined) await end(serving)
      serving = undefined
    },
    async start() {
      serving ??= await serveWith(takeProgram(), place)
    },
    run: (command) => runCommand({ config: command.verb === 'destroy' ? operatorsConfig : config, log }, command),
    async runAndKill(command, afterMs) {
      const program = takeProgram()
      program.order(command)
      const code = await Promise.race([program.ended, sleep(afterMs, 'late' as const)])
      if (code === 0 || code === 1) return { code, why: 'said in the log' }
      await end(program)
      return 'killed'
    },
    async close() {
      await serving?.kill()
      await waiting.kill()
    },
  }
}
