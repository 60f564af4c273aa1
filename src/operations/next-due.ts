import { CronExpressionParser } from 'cron-parser'

/** When a cron line in UTC is next due after a moment. */
export function nextDue(cron: string, after: Date): Date {
  return CronExpressionParser.parse(cron, { currentDate: after, tz: 'UTC' }).next().toDate()
}
