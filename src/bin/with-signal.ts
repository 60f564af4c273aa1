import { ToldToEnd } from '../cli/failures.ts'
import { besideProgress } from '../cli/progress.ts'
import { stopping } from './until-told-to-end.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

/**
 * Runs work with a signal that aborts when somebody tells the command to end, which is said to who looks at a terminal;
 * told so once more, it ends at once.
 */
export async function withSignal<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const telling = new AbortController()
  const heed = () => {
    for (const signal of signals) process.off(signal, heed)
    if (process.stderr.isTTY) besideProgress(process.stderr).write(stopping)
    telling.abort(new ToldToEnd())
  }
  for (const signal of signals) process.on(signal, heed)
  try {
    return await work(telling.signal)
  } finally {
    for (const signal of signals) process.off(signal, heed)
  }
}
