/**
 * How long a file may arrive, and how long it stays once its bytes are all there, so that no outage of a store outlives it.
 * Until then it may be an open multipart upload, which the rule of the bucket must not abort. `hoursOfResult`: how long a
 * client may come back for the result of its upload.
 */
export const uploadExpiry = { hoursToArrive: 24, daysComplete: 7, hoursOfResult: 24 }
