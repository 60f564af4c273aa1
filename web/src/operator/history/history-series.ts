import type { Schemas } from '../../api/openapi.d.ts'

type Hour = Schemas['History']['hours'][number]

/** One hour or one day. */
export type Span = Pick<Hour, 'uploads' | 'upload_bytes' | 'errors' | 'fallback_files' | 'stored_bytes'> & {
  /** Its beginning, in seconds since 1970. */
  time: number
}

const hourSeconds = 3600
const daySeconds = 24 * hourSeconds
/** Days are those of Africa/Johannesburg, which has no summer time. */
const zoneSeconds = 2 * hourSeconds

/** The last days before the newest hour, in hours up to a week, else in days. Nothing is missing between the spans. */
export function spansOf(hours: Hour[], days: number): Span[] {
  const newest = timeOf(hours.at(-1))
  if (newest === undefined) return []
  const step = days > 7 ? daySeconds : hourSeconds
  const last = floor(newest, step)
  const first = last - days * daySeconds + step
  const groups = Map.groupBy(hours, (hour) => floor(timeOf(hour) ?? 0, step))
  const count = Math.round((last - first) / step) + 1
  return Array.from({ length: count }, (_, at) => sumOf(first + at * step, groups.get(first + at * step) ?? []))
}

function timeOf(hour: Hour | undefined): number | undefined {
  return hour === undefined ? undefined : Date.parse(hour.hour) / 1000
}

function floor(time: number, step: number): number {
  return Math.floor((time + zoneSeconds) / step) * step - zoneSeconds
}

/** Uploads and errors are summed, a backlog is its largest, and the storage is the last that was measured. */
function sumOf(time: number, hours: Hour[]): Span {
  const sum = (name: 'uploads' | 'upload_bytes' | 'errors') => hours.reduce((all, hour) => all + hour[name], 0)
  return {
    time,
    uploads: sum('uploads'),
    upload_bytes: sum('upload_bytes'),
    errors: sum('errors'),
    fallback_files: Math.max(0, ...hours.map((hour) => hour.fallback_files)),
    stored_bytes: hours.findLast((hour) => hour.stored_bytes !== null)?.stored_bytes ?? null,
  }
}
