import { once } from 'node:events'

import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import type { Instance } from '../../support/service/start-instance.ts'

export type Migration = {
  /** Resolves when it has counted the files, or has ended. */
  begun: Promise<void>
  /** Its exit code; null after a kill. */
  ended: Promise<number | null>
  /** kill −9; false if it had ended. */
  kill(): boolean
}

/** Moves every document that this instance can reach to the other store, like an operator. `signal` kills it. */
export function startMigration(
  instance: Instance,
  to: StoreName,
  signal: AbortSignal,
  options: string[] = ['--delete-source', '--concurrency', '4'],
): Migration {
  const child = instance.run(['migrate', `to-${to}`, ...options])
  // Its first output is the number of files to move. It would block on a pipe that nobody reads.
  child.stderr?.resume()
  const said = child.stdout === null ? Promise.resolve() : once(child.stdout.resume(), 'data').then(() => undefined)
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null)
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  void ended.then(() => signal.removeEventListener('abort', kill))
  return { begun: Promise.race([said, ended.then(() => undefined)]), ended, kill }
}
