import type { TestProject } from 'vitest/node'

import { createTemplate } from '../database/create-template.ts'
import { obtainServices } from '../services/obtain-services.ts'
import type { ServiceName } from '../services/packages/service-addresses.ts'

export const servicesOfTests = ['s3', 'postgres'] satisfies ServiceName[]

/** Runs once before the first test file of the `services` project. The returned function runs after the last one. */
export default async function provideServices(project: TestProject): Promise<() => Promise<void>> {
  // A service that runs elsewhere is tested only from outside, so no service is started here.
  if (process.env['ACCEPTANCE_URL'] !== undefined) return () => Promise.resolve()
  const { addresses, stop } = await obtainServices(servicesOfTests, process.env)
  try {
    const template = await createTemplate(addresses.postgres.adminUrl)
    project.provide('services', addresses)
    project.provide('template', template.name)
    return async () => {
      await template.drop()
      await stop()
    }
  } catch (error) {
    await stop()
    throw error
  }
}
