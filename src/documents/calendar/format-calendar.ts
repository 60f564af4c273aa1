import { createHash } from 'node:crypto'

import ical, { ICalCalendarMethod, ICalEventTransparency } from 'ical-generator'

import type { Calendar, CalendarDay } from '../../database/exports/calendars.ts'
import { readableName } from '../../vocabulary/readable-name.ts'

const secondsBetweenReads = 12 * 3600

/**
 * iCalendar (RFC 5545) with an all-day event for each document in force that has a last day. An event shows the name of the
 * document type alone: who has the link reads no file name and no id. The same facts give the same text.
 */
export function formatCalendar(calendar: Calendar, days: CalendarDay[]): string {
  const feed = ical({
    // Unlike the texts of events, ical-generator writes it as it is.
    name: oneLine(`${calendar.firmName}: documents`).replaceAll(/[\\;,]/g, '\\$&'),
    prodId: { company: 'Paniq', product: 'Documents', language: 'EN' },
    method: ICalCalendarMethod.PUBLISH,
    ttl: secondsBetweenReads,
  })
  for (const { documentId, typeName, validUntil } of days)
    feed.createEvent({
      id: uidOf(documentId),
      start: new Date(`${validUntil}T00:00:00Z`),
      allDay: true,
      // The clock would change the text at each read.
      stamp: calendar.createdAt,
      summary: `${oneLine(typeName)}: valid until today`,
      transparency: ICalEventTransparency.TRANSPARENT,
    })
  return feed.toString()
}

/** A line break in a name must not begin a component of its own. */
function oneLine(name: string): string {
  return readableName(name.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' '))
}

/** Stays with the document when its last day changes, so that programs move the event. */
function uidOf(documentId: string): string {
  const digest = createHash('sha256').update(`calendar:${documentId}`).digest('hex').slice(0, 32)
  return `${digest}@documents.paniq`
}
