const hourMs = 3_600_000

/** How busy an hour of a day in Johannesburg is, from 07:00 on. */
const ofHour = [1, 4, 7, 8, 6, 4, 3, 6, 7, 5, 2]
/** From Sunday on. */
const ofWeekday = [0, 10, 8, 9, 7, 5, 1]

type Span = { from: Date; to: Date }

/** So many times of the span, oldest first: more in busy hours, none at night or on a Sunday. */
export function timesInOffice(count: number, { from, to }: Span): Date[] {
  const hours: { begin: number; load: number; before: number }[] = []
  let total = 0
  for (let begin = from.getTime(); begin + hourMs <= to.getTime(); begin += hourMs) {
    const load = loadAt(begin)
    if (load === 0) continue
    hours.push({ begin, load, before: total })
    total += load
  }
  return Array.from({ length: count }, (_, index) => {
    const wanted = ((index + 0.5) / count) * total
    const hour = hours.findLast(({ before }) => before <= wanted)
    return hour === undefined ? from : new Date(hour.begin + ((wanted - hour.before) / hour.load) * hourMs)
  })
}

function loadAt(time: number): number {
  const local = new Date(time + 2 * hourMs)
  // No day is like the same one of the week before.
  const day = Math.floor(local.getTime() / (24 * hourMs))
  const ofDay = 1 + ((day * 37) % 11) / 8
  return (ofHour[local.getUTCHours() - 7] ?? 0) * (ofWeekday[local.getUTCDay()] ?? 0) * ofDay
}
