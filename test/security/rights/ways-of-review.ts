import { randomUUID } from 'node:crypto'

import type { Way } from './ask-route.ts'

/** Of the routes of reviews, as in `ask-route.ts`. */
export const waysOfReview: Record<string, Way> = {
  // Only an authenticated person is asked for If-Match.
  'PUT /api/v1/security-firms/:firm_id/documents/:id/review': {
    options: () => ({ json: { decision: 'verify' } }),
    letIn: '428 precondition_required',
  },
  // The firms of these tests have no verified document.
  'POST /api/v1/security-firms/:firm_id/submit-application': {
    options: () => ({}),
    letIn: '409 application_incomplete',
  },
  'GET /api/v1/security-firms/:firm_id/application': { options: () => ({}), letIn: '404 not_found' },
  'HEAD /api/v1/security-firms/:firm_id/application': { options: () => ({}), letIn: '404' },
  'PUT /api/v1/security-firms/:firm_id/application/review': {
    options: () => ({ json: { decision: 'approve' } }),
    letIn: '404 not_found',
  },
  // Nothing waits in a firm that does not exist.
  'POST /api/v1/review-queue/claim': { options: () => ({ json: { firm_id: randomUUID() } }), letIn: '204' },
  'POST /api/v1/review-queue/claims/:document_id': {
    options: () => ({ params: { document_id: randomUUID() } }),
    letIn: '404 not_found',
  },
  'DELETE /api/v1/review-queue/claims/:document_id': {
    options: () => ({ params: { document_id: randomUUID() } }),
    letIn: '404 not_found',
  },
}
