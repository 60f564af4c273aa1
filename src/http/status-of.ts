import type { ErrorCode } from '../errors.ts'

/** The one table from code to status and title; docs/errors.md explains each and is held against it by a test. */
export const statusByCode: Record<ErrorCode, { status: number; title: string }> = {
  bad_request: { status: 400, title: 'Bad request' },
  unauthenticated: { status: 401, title: 'Not logged in' },
  not_a_member: { status: 403, title: 'Not a member of this firm' },
  forbidden: { status: 403, title: 'Not allowed' },
  firm_locked: { status: 403, title: 'Firm is locked' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'Conflict' },
  scan_pending: { status: 409, title: 'Not scanned yet' },
  quarantined: { status: 409, title: 'In quarantine' },
  gone: { status: 410, title: 'Gone' },
  precondition_failed: { status: 412, title: 'Changed meanwhile' },
  too_large: { status: 413, title: 'Too large' },
  unsupported_type: { status: 415, title: 'Unsupported type' },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable' },
  validation_failed: { status: 422, title: 'Not valid' },
  empty_file: { status: 422, title: 'Empty file' },
  infected: { status: 422, title: 'Infected file' },
  precondition_required: { status: 428, title: 'Precondition required' },
  rate_limited: { status: 429, title: 'Too many requests' },
  quota_exceeded: { status: 429, title: 'Quota exceeded' },
  internal: { status: 500, title: 'Internal error' },
  store_unavailable: { status: 503, title: 'Store unavailable' },
}
