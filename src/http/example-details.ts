import type { ErrorCode } from '../errors.ts'

/** A sentence that a client may get with each code, for the API's description. */
export const exampleDetails: Record<ErrorCode, string> = {
  bad_request: 'The body is not JSON.',
  unauthenticated: 'Your access token has expired. Refresh it, or log in again.',
  not_a_member: 'You are not an active member of this firm.',
  forbidden: 'Your role in this firm does not allow this.',
  firm_locked: 'This firm is locked: its papers can be read, not changed.',
  not_found: 'There is no such document in this firm.',
  method_not_allowed: 'This address does not take PUT; it takes GET, HEAD, POST.',
  conflict: 'This Idempotency-Key was used for another file. Use a new key for a new file.',
  scan_pending: 'This document has not been scanned for viruses yet. Try again in a minute.',
  quarantined:
    'This document is in quarantine: a virus was found in it. Hand in a clean file as its new version, or delete it.',
  gone: 'This document is in the trash. Restore it to download it.',
  precondition_failed: 'The document was changed since you looked at it. Look again, then decide.',
  too_large: 'The file is larger than 10 MB, the most that is taken here.',
  unsupported_type: 'This is no PDF, JPEG or PNG, whatever its name says.',
  range_not_satisfiable: 'The file has 48213 bytes; the asked range begins past its end.',
  validation_failed: 'Not valid: document_type: There is no such document type.',
  empty_file: 'The file is empty. Choose another one and send it again.',
  infected: 'A virus was found in this file. It was not kept.',
  precondition_required: 'Send the ETag of the document you looked at as If-Match.',
  rate_limited:
    'Too many downloads by one person: 1000 an hour are allowed. Go on in 4 seconds, and more slowly; who needs more asks the platform’s support.',
  quota_exceeded: 'This firm has used up its space. Delete what is not needed, or ask for more.',
  internal: 'Something went wrong on our side. Try again; if it stays, tell us the request id.',
  store_unavailable: 'The store of files cannot be reached just now. Nothing was lost; try again in a minute.',
}
