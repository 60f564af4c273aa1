import { inject } from 'vitest'

import type { ServiceAddresses } from './service-addresses.ts'

declare module 'vitest' {
  interface ProvidedContext {
    services: ServiceAddresses
    /** The name of a database with the service's tables, from which others are copied. */
    template: string
    /** Whether the harnesses run their long rounds. */
    isDeep: boolean
  }
}

/** The addresses of the S3 store and PostgreSQL of this test run. Only in tests of the `services` project. */
export function testServices(): ServiceAddresses {
  return inject('services')
}

export function templateDatabase(): string {
  return inject('template')
}

/** The size of a harness: small in `npm test`, larger in `npm run test:deep`. */
export function roundOf<Round>({ short, long }: { short: Round; long: Round }): Round {
  return inject('isDeep') ? long : short
}
