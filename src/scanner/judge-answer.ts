import type { ScannerIdentity, Verdict } from './scanner.ts'

/** What clamd says of a stream. Only its exact word makes a file clean. */
export function judgeAnswer(answer: string): Verdict {
  if (answer === 'stream: OK') return { kind: 'clean' }
  const signature = /^stream: (.+) FOUND$/s.exec(answer)?.[1]
  if (signature !== undefined) return judgeFind(signature)
  return { kind: 'cannot_say', why: /size limit exceeded/i.test(answer) ? 'limits' : 'unclear' }
}

/** With `AlertExceedsMax` and `AlertEncrypted` clamd calls a find what it did not look at. */
function judgeFind(signature: string): Verdict {
  if (signature.startsWith('Heuristics.Limits.Exceeded')) return { kind: 'cannot_say', why: 'limits' }
  if (/^Heuristics\.Encrypted\b/.test(signature)) return { kind: 'cannot_say', why: 'encrypted' }
  return { kind: 'infected', signature }
}

/** `ClamAV 1.4.6/27401/Thu Sep  5 08:12:00 2026`: the number is that of the daily signatures. */
export function identityOf(answer: string): ScannerIdentity | undefined {
  const [, name, signatures] = /^(ClamAV [^/\s]+)(?:\/(\d+)\/.*)?$/s.exec(answer) ?? []
  if (name === undefined) return undefined
  return { name, signatures: signatures === undefined ? undefined : Number(signatures) }
}
