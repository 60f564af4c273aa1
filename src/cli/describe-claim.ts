import type { TrailFilter } from '../audit/compare-events.ts'

/** For machines: what an export claims to have of the trail, part by part, and in the words that people get. */
export function claimOf(filter: TrailFilter) {
  const { firm = null, from = null, to = null } = filter
  return { filter: { firm, from, to }, claims: describeClaim(filter) }
}

/** What an export claims to have: nothing in the file proves that it was asked for. */
export function describeClaim({ firm, from, to }: TrailFilter): string {
  if (firm === undefined && from === undefined && to === undefined) return 'every event of the trail'
  const times = [from && `from ${from} on`, to && `before ${to}`].filter((part) => part !== undefined).join(' and ')
  return ['the events', firm && `of firm ${firm}`, times].filter(Boolean).join(' ')
}
