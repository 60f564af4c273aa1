import type { LinkResult } from './bench-links.ts'
import type { LoginResult } from './bench-logins.ts'
import type { MemoryResult } from './bench-memory.ts'
import type { MigrateResult } from './bench-migrate.ts'
import type { PageResult } from './bench-page.ts'
import type { PurgeResult } from './bench-purge.ts'
import type { ScanResult } from './bench-scan.ts'
import type { ServedResult } from './bench-served.ts'
import { largeBytes, smallBytes, type UploadsResult } from './bench-uploads.ts'

export type Results = {
  uploads?: UploadsResult
  links?: LinkResult[]
  logins?: LoginResult
  /** `many`: files small enough for memory; `large`: not. */
  memory?: { large: MemoryResult; many: MemoryResult }
  migrate?: MigrateResult
  scan?: ScanResult
  served?: ServedResult[]
  purge?: PurgeResult[]
  page?: PageResult
}

export type Verdict = {
  what: string
  measured: number
  bound: string
  unit: string
  holds: boolean
  /** Missed so far that no noise of the machine explains it: the run fails. */
  fails: boolean
}

/** Compares the measured figures with their bounds. */
export function judge({ uploads, links, logins, memory, migrate, scan, purge, page }: Results): Verdict[] {
  const longest = purge && Math.max(...purge.map(({ times }) => times))
  return [
    ...(links === undefined ? [] : judgeLinks(links)),
    ...(uploads === undefined ? [] : judgeUploads(uploads)),
    verdict('Time of a login during 300 wrong ones of another network', logins?.times.median, { max: 2 }),
    verdict('Time of a migration, of that of rclone copy and check', migrate?.timesRclone.median, { max: 1 }),
    verdict('Peak memory, 50 uploads of 20 MB at once', memory?.large.peakMiB, mib(256)),
    verdict('Peak memory, 200 uploads of 5 MB at once', memory?.many.peakMiB, mib(300)),
    ...(scan === undefined ? [] : judgeScans(scan)),
    verdict('Time of a purge with twice the documents in the trash', longest, { max: 2.5 }),
    ...(page === undefined ? [] : judgePage(page)),
  ].flat()
}

function judgeLinks(links: LinkResult[]): Verdict[] {
  const atOnce = links.filter((each) => each.atOnce === 32)
  const rate = Math.min(...atOnce.map(({ shareOfPipe }) => shareOfPipe.median))
  const cpu = Math.max(...atOnce.map(({ cpuTimesPipe }) => cpuTimesPipe.median))
  return [
    verdict('Rate of links against the pipe', rate, { min: 0.5 }),
    verdict('CPU of a link against the pipe', cpu, { max: 1.8 }),
  ].flat()
}

function judgeUploads({ cases }: UploadsResult): Verdict[] {
  const find = (bytes: number, atOnce: number) =>
    cases.find((each) => each.fileBytes === bytes && each.atOnce === atOnce)
  const [small, large, alone] = [find(smallBytes, 32), find(largeBytes, 32), find(smallBytes, 1)]
  const aboveMs = alone && alone.serviceMedianMs - alone.barePipeMedianMs
  return [
    verdict('Rate of uploads of 100 KB against the pipe', small?.shareOfPipe.median, { min: 0.7 }),
    verdict('CPU of an upload of 100 KB against the pipe', small?.cpuTimesPipe.median, { max: 2 }),
    verdict('Rate of uploads of 5 MB against the pipe', large?.shareOfPipe.median, { min: 0.7 }),
    verdict('CPU of an upload of 5 MB against the pipe', large?.cpuTimesPipe.median, { max: 2.5 }),
    verdict('An upload of 100 KB alone, above the pipe', aboveMs, { max: 8, unit: 'ms' }),
  ].flat()
}

function judgeScans({ cases, memory }: ScanResult): Verdict[] {
  const cpuOf = (bytes: number) =>
    cases.find(({ fileBytes, atOnce }) => fileBytes === bytes && atOnce === 32)?.timesCpu.median
  return [
    verdict('CPU of a scanned upload of 100 KB against one that is not', cpuOf(smallBytes), { max: 1.5 }),
    verdict('CPU of a scanned upload of 5 MB against one that is not', cpuOf(largeBytes), { max: 1.5 }),
    verdict('Peak memory, 50 uploads of 20 MB at once with a scanner', memory.peakMiB, mib(256)),
  ].flat()
}

/** The goals of the page: a size that is exact, and times whose double fails. */
function judgePage({ keys, firstView }: PageResult): Verdict[] {
  const { scriptKB, seconds } = firstView
  return [
    keys.map(({ name, medianMs }) =>
      verdict(`Next preview after a key, ${name}`, medianMs, { max: 400, failsAbove: 800, unit: 'ms' }),
    ),
    verdict('Script of the first view of a firm', scriptKB, { max: 200, failsAbove: 200, unit: 'KB' }),
    verdict('First view usable at 1.6 Mbit/s and 150 ms', seconds.median, { max: 3, failsAbove: 6, unit: 's' }),
  ].flat(2)
}

const mib = (most: number): Bound => ({ max: most, unit: 'MiB' })

type Bound = { max?: number; min?: number; failsAbove?: number; unit?: string }

function verdict(
  what: string,
  measured: number | undefined,
  { max: most = Infinity, min: least = 0, failsAbove = Infinity, unit = '×' }: Bound,
): Verdict[] {
  if (measured === undefined) return []
  const bound = least > 0 ? `at least ${least}` : `at most ${most}`
  return [{ what, measured, bound, unit, holds: measured <= most && measured >= least, fails: measured > failsAbove }]
}
