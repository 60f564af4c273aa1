import { ToldToEnd } from '../cli/failures.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

/** Runs work with a signal that aborts when somebody tells the command to end; told so once more, it ends at once. */
export async function withSignal<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const telling = new AbortController()
  const tell = () => telling.abort(new ToldToEnd())
  for (const signal of signals) process.once(signal, tell)
  try {
    return await work(telling.signal)
  } finally {
    for (const signal of signals) process.off(signal, tell)
  }
}
