import type { Way } from './ask-route.ts'

/** As the other ways of `ask-route.ts`, of the links to a firm's calendar and to its archive. */
export const waysOfCalendar: Record<string, Way> = {
  'POST /api/v1/security-firms/:firm_id/calendar': { options: () => ({}), letIn: '201' },
  'DELETE /api/v1/security-firms/:firm_id/calendar': { options: () => ({}), letIn: '204' },
  'GET /api/v1/archives/:token': { options: () => ({}), letIn: '403 forbidden' },
  'HEAD /api/v1/archives/:token': { options: () => ({}), letIn: '403' },
  'GET /api/v1/calendars/:token.ics': { options: () => ({}), letIn: '404 not_found' },
  'HEAD /api/v1/calendars/:token.ics': { options: () => ({}), letIn: '404' },
}
