import type { LinkResult } from './bench-links.ts'
import type { MemoryResult } from './bench-memory.ts'
import type { MigrateResult } from './bench-migrate.ts'
import type { PurgeResult } from './bench-purge.ts'
import type { ScanResult } from './bench-scan.ts'
import { largeBytes, smallBytes, type UploadsResult } from './bench-uploads.ts'

export type Results = {
  uploads?: UploadsResult
  links?: LinkResult[]
  memory?: MemoryResult
  migrate?: MigrateResult
  scan?: ScanResult
  purge?: PurgeResult[]
}

export type Verdict = { what: string; measured: number; most: number; unit: string; holds: boolean }

/** The figures that are to hold, as far as they were measured. */
export function judge({ uploads, links, memory, migrate, scan, purge }: Results): Verdict[] {
  const uploadOf = (bytes: number) =>
    uploads?.cases.find(({ fileBytes, atOnce }) => fileBytes === bytes && atOnce === 32)?.serviceCpuMs.median
  const link = links?.filter(({ atOnce }) => atOnce === 32).map(({ serviceCpuMs }) => serviceCpuMs.median)
  const scanOf = (bytes: number) =>
    scan?.cases.find(({ fileBytes, atOnce }) => fileBytes === bytes && atOnce === 32)?.timesCpu.median
  const times = { most: 1.5, unit: '×' }
  return [
    verdict('CPU of an upload of 100 KB, 32 at once', uploadOf(smallBytes), { most: 5, unit: 'ms' }),
    verdict('CPU of an upload of 5 MB, 32 at once', uploadOf(largeBytes), { most: 40, unit: 'ms' }),
    verdict('CPU of a download link, 32 at once', link && Math.max(...link), { most: 0.6, unit: 'ms' }),
    verdict('Time of a migration, of that of rclone copy and check', migrate?.timesRclone.median, {
      most: 1,
      unit: '×',
    }),
    verdict('Peak memory, 50 uploads of 20 MB at once', memory?.peakMiB, { most: 256, unit: 'MiB' }),
    verdict('CPU of a scanned upload of 100 KB against one that is not, 32 at once', scanOf(smallBytes), times),
    verdict('CPU of a scanned upload of 5 MB against one that is not, 32 at once', scanOf(largeBytes), times),
    verdict('Peak memory, 50 uploads of 20 MB at once with a scanner', scan?.memory.peakMiB, {
      most: 256,
      unit: 'MiB',
    }),
    verdict(
      'Time of a purge with twice the documents in the trash',
      purge && Math.max(...purge.map(({ times: t }) => t)),
      {
        most: 2.5,
        unit: '×',
      },
    ),
  ].flat()
}

function verdict(
  what: string,
  measured: number | undefined,
  { most, unit }: { most: number; unit: string },
): Verdict[] {
  return measured === undefined ? [] : [{ what, measured, most, unit, holds: measured <= most }]
}
