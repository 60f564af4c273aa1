import type { DocumentType } from '../api/queries.ts'

const inJohannesburg = new Intl.DateTimeFormat('en-CA', { timeZone: 'Africa/Johannesburg' })

/** Today in South Africa, as in 2027-03-31. */
export function today(): string {
  return inJohannesburg.format(new Date())
}

/** The last day of the type's usual length, as the service calculates it; empty for a type without an end. */
export function usualEnd(type: DocumentType | undefined): string {
  const months = type?.validity_months ?? null
  return months === null ? '' : addMonths(today(), months)
}

/** The same day of a later month, or that month's last day. */
function addMonths(day: string, months: number): string {
  const date = new Date(`${day}T00:00:00Z`)
  const wanted = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + months + 1, 0)
  date.setUTCDate(Math.min(wanted, date.getUTCDate()))
  return date.toISOString().slice(0, 10)
}
