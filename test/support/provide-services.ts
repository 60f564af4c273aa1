import type { TestProject } from 'vitest/node'

import { obtainServices } from './services/obtain-services.ts'
import type { ServiceName } from './services/service-addresses.ts'

export const servicesOfTests = ['s3', 'postgres'] satisfies ServiceName[]

/** Runs once before the first test file of the `services` project; what it returns, after the last one. */
export default async function provideServices(project: TestProject): Promise<() => Promise<void>> {
  // A service that runs elsewhere is tried from outside alone: nothing is to be started here for it.
  if (process.env['ACCEPTANCE_URL'] !== undefined) return () => Promise.resolve()
  const { addresses, stop } = await obtainServices(servicesOfTests, process.env)
  project.provide('services', addresses)
  return stop
}
