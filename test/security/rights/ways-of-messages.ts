import { randomUUID } from 'node:crypto'

import type { Way } from './ask-route.ts'

/** Of the routes of invitations, messages and preferences, as in `ask-route.ts`. */
export const waysOfMessages: Record<string, Way> = {
  'POST /api/v1/messages/:id/read': { options: () => ({ params: { id: randomUUID() } }), letIn: '404 not_found' },
  'PUT /api/v1/auth/me/preferences': { options: () => ({ json: { mail: 'at_once' } }), letIn: '200' },
  'GET /api/v1/unsubscribe/:token': { options: () => ({}), letIn: '404 not_found' },
  'HEAD /api/v1/unsubscribe/:token': { options: () => ({}), letIn: '404' },
  'POST /api/v1/unsubscribe/:token': { options: () => ({}), letIn: '404 not_found' },
  'POST /api/v1/security-firms/:firm_id/invitations': {
    options: () => ({ json: { email: `${randomUUID()}@people.example`, role: 'firm_user' } }),
    letIn: '201',
  },
  'DELETE /api/v1/security-firms/:firm_id/invitations/:id': {
    options: () => ({ params: { id: randomUUID() } }),
    letIn: '404 not_found',
  },
  'GET /api/v1/invitations/:token': { options: () => ({}), letIn: '404 not_found' },
  'HEAD /api/v1/invitations/:token': { options: () => ({}), letIn: '404' },
  'POST /api/v1/invitations/:token/accept': {
    options: () => ({ params: { token: 'unknown' } }),
    letIn: '404 not_found',
  },
  'POST /api/v1/auth/me/invitations/:id/accept': {
    options: () => ({ params: { id: randomUUID() } }),
    letIn: '404 not_found',
  },
  'DELETE /api/v1/auth/me/invitations/:id': {
    options: () => ({ params: { id: randomUUID() } }),
    letIn: '404 not_found',
  },
}
