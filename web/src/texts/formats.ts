/** Dates and numbers as South Africans write them. */
export type Formats = {
  bytes: (count: number) => string
  date: (value: string | Date) => string
  dateTime: (value: string | Date) => string
  time: (value: Date) => string
  /** Without the year: for axes of charts and rows of tables. */
  shortDate: (value: Date) => string
  shortDateTime: (value: Date) => string
  number: (value: number) => string
  /** The largest unit alone: `3 hours`. */
  duration: (seconds: number) => string
  /** `PDF, JPEG or PNG`. */
  either: (names: readonly string[]) => string
}

const zone = 'Africa/Johannesburg'

export function createFormats(locale: string): Formats {
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 })
  const date = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric', timeZone: zone })
  const timeOfDay = new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone: zone })
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short' })
  const short = { day: 'numeric', month: 'short', timeZone: zone } as const
  const shortDate = new Intl.DateTimeFormat(locale, short)
  const shortDateTime = new Intl.DateTimeFormat(locale, { ...short, hour: '2-digit', minute: '2-digit' })
  const either = new Intl.ListFormat(locale, { type: 'disjunction' })
  return {
    bytes: (count) => formatBytes(count, number),
    date: (value) => date.format(new Date(value)),
    dateTime: (value) => `${date.format(new Date(value))}, ${timeOfDay.format(new Date(value))}`,
    time: (value) => time.format(value),
    shortDate: (value) => shortDate.format(value),
    shortDateTime: (value) => shortDateTime.format(value),
    number: (value) => number.format(value),
    duration: (seconds) => formatDuration(seconds, locale),
    either: (names) => either.format(names),
  }
}

const units = ['bytes', 'KB', 'MB', 'GB']

/** In units of 1,024, as the limits of the service are. */
function formatBytes(count: number, number: Intl.NumberFormat): string {
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${number.format(value)}\u00A0${units[unit]}`
}

const lengths = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** In the largest unit that fits twice: 90 minutes are not one hour. */
function formatDuration(seconds: number, locale: string): string {
  const [unit, length] = lengths.find(([, each]) => seconds >= 2 * each) ?? ['second', 1]
  const format = new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' })
  return format.format(Math.floor(seconds / length))
}
