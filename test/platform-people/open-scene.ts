import { signer } from '../support/platform/insert-firm-with-admin.ts'
import type { Client } from 'pg'

import { freshPlatformDatabase } from '../support/platform/platform-database.ts'
import type { Signer } from '../support/platform/platform-people.ts'
import type { Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

export type Scene = {
  service: TestService
  /** The platform's own connection, as the role that owns its tables. The service uses another role. */
  platform: Client
  signer: Signer
  stop(): Promise<void>
}

/** The platform's tables and the service, each with its own role, and a shared secret. */
export async function openScene(): Promise<Scene> {
  const database = await freshPlatformDatabase()
  const service = await startService({ ...database.settings, JWT_SECRET_KEY: signer.secret })
  return {
    service,
    platform: database.platform,
    signer,
    async stop() {
      await service.stop()
      await database.remove()
    },
  }
}

/** The answer to the list of a firm's documents: the status, and the code of an error. */
export async function hears({ service }: Scene, person: Person, path: string): Promise<string> {
  const answer = await fetch(`${service.url}/api/v1${path}`, { headers: person.headers })
  const body = (await answer.json()) as { code?: string }
  return answer.ok ? String(answer.status) : `${answer.status} ${body.code}`
}
