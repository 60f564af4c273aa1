/** Runs work with a signal that aborts when somebody tells the command to end. */
export async function untilAborted<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const telling = new AbortController()
  const tell = () => telling.abort(new Error('It was told to end.'))
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, tell)
  try {
    return await work(telling.signal)
  } finally {
    for (const signal of signals) process.off(signal, tell)
  }
}
