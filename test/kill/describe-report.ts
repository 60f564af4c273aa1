import type { CycleReport, KillReport } from './kill-loop.ts'

/** One progress line. */
export function describeCycle({ cycle, counts, documents, garbage }: CycleReport, cycles: number): string {
  return (
    `cycle ${cycle}/${cycles}: ${documents} documents promised so far, ${counts.unknown} unknown, ` +
    `${counts.kills} kills, ${counts.troubles} troubles, ${garbage} pieces of garbage wait`
  )
}

/** The summary, and every difference with the command that repeats it. */
export function describeReport(report: KillReport): string {
  const { differences, failures } = report
  const answers = Object.entries(failures).map(([name, count]) => `${count} × ${name}`)
  const lines = [
    `${report.cycles} cycles with seed ${report.seed}: ${report.kills} kills, ${report.troubles} other troubles`,
    `${report.answered} uploads answered 201 (${report.documents} documents), ${report.unknown} with unknown outcome` +
      `${answers.length > 0 ? ` (${answers.join(', ')})` : ''}, ${report.notSent} that found nobody`,
    `${report.finishedInPieces} uploads in pieces became documents`,
    `${report.resumedMoves} claims of dead processes taken over`,
    `${report.downloads} downloads compared with what was uploaded`,
    `${report.garbageSeen} pieces of garbage seen, ${report.garbageCollected} collected, ` +
      `${report.leftToTheRule} unfinished uploads left to the bucket's rule`,
    `${differences.length} differences`,
    ...differences.map(({ cycle, what }) => `  cycle ${cycle}: ${what}`),
  ]
  if (report.folder !== undefined) lines.push(`Logs, rows and this report: ${report.folder}`)
  return lines.join('\n')
}
