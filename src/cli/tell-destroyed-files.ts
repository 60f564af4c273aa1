import type { FileSettled } from '../documents/purge/destroy-files.ts'
import type { Printer } from './printer.ts'
import { inCount, type Progress, showProgress } from './progress.ts'

type Outcome = FileSettled['outcome']

/** Tells people and machines of one file after another that is destroyed for good. */
export type FileTeller = {
  begin: (total: number) => void
  tell: (settled: FileSettled) => void
  counts: Partial<Record<Outcome, number>>
  /** Whether none stayed that should have gone. */
  isGood: () => boolean
  end: () => void
}

const whys: Record<Outcome, string> = {
  destroyed: 'destroyed',
  held: 'a legal hold was put on its firm since',
  still_named: 'another document, or a row of the platform, has the same file',
  backup_runs: 'a backup is being made that may need it; run this again when that is done',
  refused: 'S3 refuses to destroy a version of it: an Object Lock keeps it, or a policy of the bucket',
  failed: 'it could not be destroyed; run again',
}

const good = new Set<Outcome>(['destroyed', 'held'])

export function tellDestroyedFiles(print: Printer): FileTeller {
  const counts: FileTeller['counts'] = {}
  const done = { files: 0, bytes: 0 }
  let progress: Progress | undefined
  return {
    counts,
    isGood: () => Object.keys(counts).every((outcome) => good.has(outcome as Outcome)), // nothing else is counted
    begin(total) {
      if (total === 0) return
      print.say(`To be destroyed for good: ${inCount(total, 'file')}.`)
      progress = showProgress(print, { files: total, bytes: 0 })
    },
    tell(settled) {
      const { file, outcome } = settled
      counts[outcome] = (counts[outcome] ?? 0) + 1
      done.files += 1
      progress?.update(done)
      if (outcome === 'destroyed') return
      const why = `${whys[outcome]}${reasonOf(settled)}`
      print.answer({ event: 'file', firm_id: file.firmId, store: file.store, key: file.key, outcome, why })
      const teller = progress ?? print
      teller.say(`${print.paint('yellow', '!')} ${file.key}: ${why}`)
    },
    end: () => progress?.end(),
  }
}

/** What an error said, behind a sentence of ours. */
export function reasonOf(settled: object): string {
  return 'error' in settled && settled.error instanceof Error ? ` (${settled.error.message})` : ''
}
