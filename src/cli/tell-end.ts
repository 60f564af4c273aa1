import type { Stores } from '../documents/stores.ts'

/** Of work that goes on where it stands, and that somebody ended. */
export const endedBefore = 'It was ended before the end. Run it again: it goes on where it stands.'

/** Of work that begins anew each time. */
export const endedUnread = 'It was ended before the end, so this says nothing of the rest. Run it again.'

/** Of work that goes on, and that S3 ended. */
export function s3IsAway({ s3 }: Stores): string {
  return `S3 cannot be used (${s3?.outage()?.s3Code ?? 'no answer'}). Run it again once it can be: it goes on where it stands. ./bin/paniq-docs s3 test says what is wrong.`
}
