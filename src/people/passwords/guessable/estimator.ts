import { fork } from 'node:child_process'

/** `words`: what is known about the person, and so is tried first. */
export type Question = { id: number; password: string; words: string[] }

/** `score`: from 0, guessed at once, to 4. The warning and the suggestions are the estimator's codes. */
export type Estimate = {
  id: number
  score: number
  guessesLog10: number
  warning: string | null
  suggestions: string[]
}

export type EstimatorOptions = { program?: URL; idleMs?: number; timeoutMs?: number }

/** Rejects if the process fails, so that no password passes without an estimate. The next call starts another one. */
export type Estimator = (password: string, words: string[]) => Promise<Estimate>

const defaults = {
  program: new URL('./estimator-process.ts', import.meta.url),
  /** The dictionaries take 70 MB, and new passwords are rare: a start costs a second of processor time. */
  idleMs: 2_000,
  /** Of one estimate, with the start of the process and the estimates before it. */
  timeoutMs: 30_000,
}

/**
 * Estimates how easy a password is to guess, in a process of its own: a long estimate does not delay other requests, and the
 * memory of the dictionaries goes back to the system. It starts with the first password and ends when none came for a while.
 */
export function createEstimator(options: EstimatorOptions = {}): Estimator {
  const { program, idleMs, timeoutMs } = { ...defaults, ...options }
  let running: EstimatorProcess | undefined
  let lastId = 0

  return async (password, words) => {
    running ??= startProcess(program, idleMs, () => {
      running = undefined
    })
    const { ask, end } = running
    lastId += 1
    const timer = setTimeout(() => end(new Error('The estimate of a password took too long.')), timeoutMs)
    try {
      return await ask({ id: lastId, password, words })
    } finally {
      clearTimeout(timer)
    }
  }
}

type EstimatorProcess = { ask: (question: Question) => Promise<Estimate>; end: (cause: Error) => void }

function startProcess(program: URL, idleMs: number, onEnd: () => void): EstimatorProcess {
  // Without our environment, which has secrets.
  const child = fork(program, { env: {}, execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const waiting = new Map<number, PromiseWithResolvers<Estimate>>()
  let idle: NodeJS.Timeout | undefined
  let isOver = false

  function end(cause?: unknown): void {
    if (isOver) return
    isOver = true
    clearTimeout(idle)
    onEnd()
    for (const { reject } of waiting.values())
      reject(new Error('The estimator of passwords failed, so no new password was accepted.', { cause }))
    waiting.clear()
    child.kill('SIGKILL')
  }

  /** Whether this process waits for the other one before it ends. */
  function setNeeded(isNeeded: boolean): void {
    for (const each of [child, child.channel]) {
      if (isNeeded) each?.ref()
      else each?.unref()
    }
  }

  child.on('error', end)
  child.on('exit', () => end())
  child.on('message', (message) => {
    const estimate = message as Estimate // our own program sends nothing else
    waiting.get(estimate.id)?.resolve(estimate)
    waiting.delete(estimate.id)
    if (waiting.size > 0) return
    setNeeded(false)
    idle = setTimeout(() => end(), idleMs).unref()
  })

  return {
    end,
    async ask(question: Question): Promise<Estimate> {
      clearTimeout(idle)
      // A command must not end before its answer.
      setNeeded(true)
      const asked = Promise.withResolvers<Estimate>()
      waiting.set(question.id, asked)
      child.send(question, (error) => error && end(error))
      return asked.promise
    },
  }
}
