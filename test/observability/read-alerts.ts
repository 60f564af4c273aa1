import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { parse } from 'yaml'

export const folder = join(import.meta.dirname, '../../deploy/observability')

export type Alert = {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: { summary: string; runbook: string }
}

/** The rules as Prometheus reads them. */
export async function readAlerts(): Promise<Alert[]> {
  const text = await readFile(join(folder, 'alerts.yaml'), 'utf8')
  const { groups } = parse(text) as { groups: { rules: Alert[] }[] }
  return groups.flatMap(({ rules }) => rules)
}
