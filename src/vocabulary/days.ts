const inJohannesburg = new Intl.DateTimeFormat('en-CA', { timeZone: 'Africa/Johannesburg' })

const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'Africa/Johannesburg', hour: '2-digit', minute: '2-digit' })

/** The time of day in South Africa, as in 14:05. */
export function clockInJohannesburg(time: Date): string {
  return clock.format(time)
}

/** The day in South Africa, as in 2027-03-31. Contract §8: days are those of Africa/Johannesburg. */
export function dayInJohannesburg(time: Date): string {
  return inJohannesburg.format(time)
}

/** The same day of a later month, or that month's last day: a month after 2027-01-31 is 2027-02-28. */
export function addMonths(day: string, months: number): string {
  const date = new Date(`${day}T00:00:00Z`)
  const wanted = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + months + 1, 0)
  date.setUTCDate(Math.min(wanted, date.getUTCDate()))
  return date.toISOString().slice(0, 10)
}

/** Contract §8: a document that is valid for so many days or less is expiring. */
export const expiringDays = 90

/** How many days after `from` the day `to` is; negative before it. */
export function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 86_400_000
}

/** 08:00 of a day in South Africa, which has no summer time: digests go out then. */
export function morningInJohannesburg(day: string): Date {
  return new Date(`${day}T06:00:00Z`)
}
