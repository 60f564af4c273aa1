import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readMetrics } from '../metrics/read-metrics.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import type { TestService } from '../support/service/start-service.ts'
import { type Known, knownSeries } from './explain-selectors.ts'

export const docs = join(import.meta.dirname, '../../docs')

/** The data of a service after some use. */
export async function lookAtService(service: TestService): Promise<Known> {
  const { firm, admin } = await firmWithAdmin(service)
  await uploadDocument(service.url, firm, admin)
  const { text } = await readMetrics(service.url)
  const pages = await Promise.all(['metrics.md', 'errors.md'].map((page) => readFile(join(docs, page), 'utf8')))
  return { labelsByMetric: knownSeries(service.app.metrics, text), text, pages: pages.join('') }
}
