import type { TestService } from '../service/start-service.ts'

/** The log lines of these services. */
export function logOf(...services: Pick<TestService, 'logLines'>[]): Record<string, unknown>[] {
  return services.flatMap(({ logLines }) => logLines.map((line) => JSON.parse(line) as Record<string, unknown>))
}
