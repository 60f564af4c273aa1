/** Limits of rate that no test or bench comes near, for who plays a hundred people with one account. They are still counted. */
export const manyAnHour = {
  UPLOADS_PER_PERSON: '1000000',
  UPLOADS_PER_ADDRESS: '1000000',
  DOWNLOADS_PER_PERSON: '1000000',
  DOWNLOADS_PER_ADDRESS: '1000000',
  LOGINS_PER_PERSON: '1000000',
  LOGINS_PER_ADDRESS: '1000000',
  EVENTS_PER_PERSON: '1000000',
  EVENTS_PER_ADDRESS: '1000000',
}
