/**
 * How long a file may arrive, and how long it stays once its bytes are all there, so that no outage of a store outlives it.
 * Until then it may be an open multipart upload, which the rule of the bucket must not abort.
 */
export const uploadExpiry = { hoursToArrive: 24, daysComplete: 7 }
