import type { TestService } from '../service/start-service.ts'

/** What these services logged, a line each. */
export function logOf(...services: Pick<TestService, 'logLines'>[]): Record<string, unknown>[] {
  return services.flatMap(({ logLines }) => logLines.map((line) => JSON.parse(line) as Record<string, unknown>))
}
