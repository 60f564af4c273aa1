import { once } from 'node:events'

import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import type { Instance } from '../../support/service/start-instance.ts'

export type Migration = {
  /** When it knows what there is to move, or has ended. */
  begun: Promise<void>
  /** Its exit code, null when it was killed. */
  ended: Promise<number | null>
  /** kill −9; false when it had ended. */
  kill(): boolean
}

/** Moves every document that this instance can reach to the other store, as an operator would. `signal` kills it. */
export function startMigration(
  instance: Instance,
  to: StoreName,
  signal: AbortSignal,
  options: string[] = ['--delete-source', '--concurrency', '4'],
): Migration {
  const child = instance.run(['migrate', `to-${to}`, ...options])
  // Its first words are how much there is to move. A pipe that nobody reads would make it wait.
  child.stderr?.resume()
  const said = child.stdout === null ? Promise.resolve() : once(child.stdout.resume(), 'data').then(() => undefined)
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null)
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  void ended.then(() => signal.removeEventListener('abort', kill))
  return { begun: Promise.race([said, ended.then(() => undefined)]), ended, kill }
}
