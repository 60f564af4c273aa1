import type { LinkResult } from './bench-links.ts'
import type { LoginResult } from './bench-logins.ts'
import type { MemoryResult } from './bench-memory.ts'
import type { MigrateResult } from './bench-migrate.ts'
import type { KeyResult, PageResult } from './bench-page.ts'
import type { PurgeResult } from './bench-purge.ts'
import type { ScanCase, ScanResult } from './bench-scan.ts'
import type { ServedResult } from './bench-served.ts'
import type { UploadResult, UploadsResult } from './bench-uploads.ts'
import { judge, type Results } from './judge.ts'
import { kinds } from './page/waiting-documents.ts'
import type { AgainstPipe, Spread } from './figures/measure.ts'

/** Formats the results as Markdown tables. */
export function describe(results: Results): string {
  const parts = [
    results.uploads && describeUploads(results.uploads),
    results.links && describeLinks(results.links),
    results.logins && describeLogins(results.logins),
    results.memory && `${describeMemory(results.memory.large)}\n\n${describeMemory(results.memory.many)}`,
    results.migrate && describeMigrate(results.migrate),
    results.scan && describeScan(results.scan),
    results.served && describeServed(results.served),
    results.purge && describePurge(results.purge),
    results.page && describePage(results.page),
    describeVerdicts(results),
  ]
  return parts.filter((part) => part !== undefined).join('\n\n')
}

function describeUploads({ cases, peakMiB }: UploadsResult): string {
  const columns: Column<UploadResult>[] = [
    ['file', ({ fileBytes }) => sizeOf(fileBytes)],
    ...columnsAgainstPipe,
    ['SDK/s', ({ sdk }) => short(sdk)],
  ]
  return `${table(columns, cases)}\n\nPeak memory of the service over these uploads: ${short(peakMiB)} MiB`
}

function describeLinks(links: LinkResult[]): string {
  const columns: Column<LinkResult>[] = [
    ['link', ({ answer }) => (answer === 'json' ? 'JSON' : 'redirect')],
    ...columnsAgainstPipe,
  ]
  return table(columns, links)
}

const columnsAgainstPipe: Column<AgainstPipe>[] = [
  ['at once', ({ atOnce }) => String(atOnce)],
  ['/s', ({ service }) => short(service)],
  ['pipe/s', ({ barePipe }) => short(barePipe)],
  ['× pipe', ({ shareOfPipe }) => wide(shareOfPipe)],
  ['median ms', ({ serviceMedianMs }) => short(serviceMedianMs)],
  ['pipe ms', ({ barePipeMedianMs }) => short(barePipeMedianMs)],
  ['CPU ms', ({ serviceCpuMs }) => wide(serviceCpuMs)],
  ['pipe CPU ms', ({ barePipeCpuMs }) => short(barePipeCpuMs.median)],
  ['CPU × pipe', ({ cpuTimesPipe }) => wide(cpuTimesPipe)],
  ['PostgreSQL CPU ms', ({ databaseCpuMs }) => short(databaseCpuMs.median)],
]

function describeLogins(result: LoginResult): string {
  const columns: Column<LoginResult>[] = [
    ['login ms', ({ quietMs }) => wide(quietMs)],
    ['attacked ms', ({ attackedMs }) => wide(attackedMs)],
    ['×', ({ times }) => wide(times)],
  ]
  return table(columns, [result])
}

function describeMemory({ uploads, fileBytes, bytesPerSecond, seconds, idleMiB, peakMiB }: MemoryResult): string {
  return (
    `${uploads} uploads of ${fileBytes / 1_000_000} MB at once, S3 at ${bytesPerSecond / 1_000_000} MB/s a connection: ` +
    `peak memory ${short(peakMiB)} MiB, before the first ${short(idleMiB)} MiB, ${short(seconds)} s`
  )
}

function describeMigrate(result: MigrateResult): string {
  const columns: Column<MigrateResult>[] = [
    ['files', ({ files }) => String(files)],
    ['MB', ({ bytes }) => short(bytes / 1e6)],
    ['at once', ({ atOnce }) => String(atOnce)],
    ['migrate s', ({ serviceSeconds }) => wide(serviceSeconds)],
    ['rclone s', ({ rcloneSeconds }) => wide(rcloneSeconds)],
    ['× rclone', ({ timesRclone }) => wide(timesRclone)],
  ]
  return table(columns, [result])
}

function describeScan({ cases, scannedPeakMiB, unscannedPeakMiB, memory }: ScanResult): string {
  const columns: Column<ScanCase>[] = [
    ['file', ({ fileBytes }) => sizeOf(fileBytes)],
    ['at once', ({ atOnce }) => String(atOnce)],
    ['scanned/s', ({ scanned }) => short(scanned)],
    ['unscanned/s', ({ unscanned }) => short(unscanned)],
    ['× time', ({ timesUnscanned }) => wide(timesUnscanned)],
    ['scanned CPU ms', ({ scannedCpuMs }) => wide(scannedCpuMs)],
    ['unscanned CPU ms', ({ unscannedCpuMs }) => wide(unscannedCpuMs)],
    ['× CPU', ({ timesCpu }) => wide(timesCpu)],
  ]
  const peaks = `Peak memory over these uploads: ${short(scannedPeakMiB)} MiB with a scanner, ${short(unscannedPeakMiB)} MiB without`
  return `${table(columns, cases)}\n\n${peaks}\n\nWith a scanner, ${describeMemory(memory)}`
}

function describeServed(results: ServedResult[]): string {
  const columns: Column<ServedResult>[] = [
    ['file', ({ fileBytes }) => sizeOf(fileBytes)],
    ['at once', ({ atOnce }) => String(atOnce)],
    ['hashed/s', ({ hashed }) => short(hashed)],
    ['not hashed/s', ({ unhashed }) => short(unhashed)],
    ['× rate', ({ shareOfUnhashed }) => wide(shareOfUnhashed)],
    ['hashed CPU ms', ({ hashedCpuMs }) => wide(hashedCpuMs)],
    ['not hashed CPU ms', ({ unhashedCpuMs }) => wide(unhashedCpuMs)],
    ['× CPU', ({ timesCpu }) => wide(timesCpu)],
  ]
  return table(columns, results)
}

function describePurge(results: PurgeResult[]): string {
  const columns: Column<PurgeResult>[] = [
    ['', ({ what }) => what],
    ['documents', ({ documents }) => String(documents)],
    ['s', ({ seconds }) => short(seconds)],
    ['s with twice as many', ({ secondsOfDouble }) => short(secondsOfDouble)],
    ['×', ({ times }) => short(times)],
  ]
  return table(columns, results)
}

function describePage({ keys, firstView: view }: PageResult): string {
  const columns: Column<KeyResult>[] = [
    ['next preview', ({ name }) => name],
    ['documents', ({ count }) => String(count)],
    ['median ms', ({ medianMs }) => short(medianMs)],
    ['p95 ms', ({ p95Ms }) => short(p95Ms)],
    ['slowest ms', ({ slowestMs }) => short(slowestMs)],
    ['bare page ms', ({ bareMedianMs }) => short(bareMedianMs)],
    ['× bare page', ({ timesBare }) => wide(timesBare)],
    ...kinds.map((kind): Column<KeyResult> => [`${kind}, ms`, ({ byKind }) => short(byKind[kind])]),
  ]
  const first =
    `First view of a firm: ${short(view.scriptKB)} KB of script (gzip), ${short(view.transferredKB)} KB in all, for which ` +
    `the line alone needs ${short(view.lineSeconds)} s; usable after ${wide(view.seconds)} s at 1.6 Mbit/s and 150 ms, ` +
    `after ${wide(view.slowSeconds)} s with a processor that is four times slower`
  return `${table(columns, keys)}\n\n${first}`
}

function describeVerdicts(results: Results): string {
  return judge(results)
    .map(
      ({ what, measured, bound, unit, holds }) => `${holds ? '✓' : '✗'} ${what}: ${short(measured)} ${unit} (${bound})`,
    )
    .join('\n')
}

function sizeOf(bytes: number): string {
  return bytes < 1_000_000 ? `${bytes / 1000} KB` : `${bytes / 1_000_000} MB`
}

type Column<Row> = [title: string, show: (row: Row) => string]

function table<Row>(columns: Column<Row>[], rows: Row[]): string {
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, show]) => show(row)))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  const lines = cells.map((line) => `| ${line.map((cell, index) => cell.padStart(widths[index] ?? 0)).join(' | ')} |`)
  const rule = `| ${widths.map((width) => `${'-'.repeat(width - 1)}:`).join(' | ')} |`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

/** Three digits say what a measurement on a shared machine can. */
function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function wide({ median, min: least, max: most }: Spread): string {
  return `${short(median)} (${short(least)}–${short(most)})`
}
