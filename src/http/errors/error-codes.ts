import type { ErrorCode } from '../../errors/app-error.ts'

/** `example`: a sentence that a client may get with this code, for the API's description. */
type ErrorFacts = { status: number; title: string; example: string }

/** Every error code with its status and title. docs/errors.md explains each one; a test compares both. */
export const errorTable: Record<ErrorCode, ErrorFacts> = {
  bad_request: { status: 400, title: 'Bad request', example: 'The body is not JSON.' },
  unauthenticated: {
    status: 401,
    title: 'Not logged in',
    example: 'Your access token has expired. Refresh it, or log in again.',
  },
  not_a_member: {
    status: 403,
    title: 'Not a member of this firm',
    example: 'You are not an active member of this firm.',
  },
  forbidden: { status: 403, title: 'Not allowed', example: 'Your role in this firm does not allow this.' },
  firm_locked: {
    status: 403,
    title: 'Firm is locked',
    example: 'This firm is locked: its documents can be read, but not changed.',
  },
  second_factor_required: {
    status: 403,
    title: 'Second factor required',
    example: 'Set up a second factor first: an authenticator app or a passkey.',
  },
  password_change_required: {
    status: 403,
    title: 'Password change required',
    example: 'Choose a password of your own first, with PUT /api/v1/auth/password.',
  },
  email_unverified: {
    status: 403,
    title: 'E-mail not verified',
    example: 'Verify your e-mail address first: open the link in the mail that you got, or ask for another one.',
  },
  not_found: { status: 404, title: 'Not found', example: 'There is no such document in this firm.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    example: 'This address does not support PUT. It supports GET, HEAD, POST.',
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    example: 'This Idempotency-Key was used for another file. Use a new key for a new file.',
  },
  second_person_required: {
    status: 409,
    title: 'Second person required',
    example: 'You set this hold yourself. Another administrator has to lift it.',
  },
  too_many_firms: {
    status: 409,
    title: 'Too many firms',
    example: 'You have registered 3 firms, the maximum for one person.',
  },
  claimed: {
    status: 409,
    title: 'Claimed by another reviewer',
    example: 'Thandi Nkosi has claimed this document until 10:42 in South Africa. Take the next one.',
  },
  application_incomplete: {
    status: 409,
    title: 'Application incomplete',
    example: 'The application is not complete. Still to be accepted: tax_clearance.',
  },
  scan_pending: {
    status: 409,
    title: 'Not scanned yet',
    example: 'This document has not been scanned for viruses yet. Try again in a minute.',
  },
  quarantined: {
    status: 409,
    title: 'In quarantine',
    example: 'This document is infected and in quarantine. Upload a clean file as its new version, or delete it.',
  },
  gone: { status: 410, title: 'Gone', example: 'This document is in the trash. Restore it to download it.' },
  precondition_failed: {
    status: 412,
    title: 'Changed meanwhile',
    example: 'The document changed after you read it. Read it again, then decide.',
  },
  too_large: { status: 413, title: 'Too large', example: 'The file is larger than the maximum of 10 MB.' },
  unsupported_type: {
    status: 415,
    title: 'Unsupported type',
    example: 'The content of this file is not PDF, JPEG or PNG.',
  },
  range_not_satisfiable: {
    status: 416,
    title: 'Range not satisfiable',
    example: 'The file has 48213 bytes; the requested range starts after its end.',
  },
  validation_failed: {
    status: 422,
    title: 'Not valid',
    example: 'Not valid: document_type: There is no such document type.',
  },
  empty_file: { status: 422, title: 'Empty file', example: 'The file is empty. Choose another one and upload it.' },
  infected: { status: 422, title: 'Infected file', example: 'The file is infected. It was not stored.' },
  precondition_required: {
    status: 428,
    title: 'Precondition required',
    example: 'Send the ETag of the document that you read as If-Match.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    example: 'Too many downloads by one person: the limit is 1000 an hour. Try again in 4 seconds.',
  },
  quota_exceeded: {
    status: 429,
    title: 'Quota exceeded',
    example: 'This firm has reached its quota. Delete documents, or ask for a larger quota.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    example: 'Something went wrong on our side. Try again. If it happens again, send us the request id.',
  },
  store_unavailable: {
    status: 503,
    title: 'Store unavailable',
    example: 'The file store is not available. Nothing was lost. Try again in a minute.',
  },
}
