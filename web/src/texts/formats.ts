/** Dates and numbers as South Africans write them. */
export type Formats = {
  bytes: (count: number) => string
  date: (value: string | Date) => string
  dateTime: (value: string | Date) => string
  time: (value: Date) => string
  /** `PDF, JPEG or PNG`. */
  either: (names: readonly string[]) => string
}

const zone = 'Africa/Johannesburg'

export function createFormats(locale: string): Formats {
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 })
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: zone })
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone })
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short' })
  const either = new Intl.ListFormat(locale, { type: 'disjunction' })
  return {
    bytes: (count) => formatBytes(count, number),
    date: (value) => date.format(new Date(value)),
    dateTime: (value) => dateTime.format(new Date(value)),
    time: (value) => time.format(value),
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
