import type { Waiting } from '../documents/wait-for-s3.ts'

/** Says to people that S3 is waited for, and how that ended. */
export function tellingOfWaiting(say: (line: string) => void, patienceMs: number): (state: Waiting) => void {
  const words: Record<Waiting, string> = {
    waiting: `S3 does not answer; waiting for it, up to ${inMinutes(patienceMs)}. Ctrl-C ends this safely.`,
    back: 'S3 answers again.',
    given_up: `S3 stayed away for ${inMinutes(patienceMs)}.`,
  }
  return (state) => say(words[state])
}

function inMinutes(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}
