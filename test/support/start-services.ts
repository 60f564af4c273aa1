import type { TestProject } from 'vitest/node'

import { findNamedPostgres, findNamedS3 } from './services/named-services.ts'
import { ServiceFailure } from './services/service-failure.ts'

/** Runs once before the first test file of the `services` project. */
export default async function startServices(project: TestProject): Promise<void> {
  const [s3, postgres] = await Promise.all([findNamedS3(process.env), findNamedPostgres(process.env)])
  if (!s3) throw new ServiceFailure('AWS_ENDPOINT_URL_S3 is not set.')
  if (!postgres) throw new ServiceFailure('DATABASE_URL is not set.')
  project.provide('services', { s3, postgres })
}
