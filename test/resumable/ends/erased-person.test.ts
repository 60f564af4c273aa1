import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { call } from '../../people/call-people.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { makePerson } from '../../support/people/people.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { eventsOf, finish, leftOf, sceneOfEnds, stores, uploadAndKill } from './scene-of-ends.ts'

const scene = sceneOfEnds()
const bytes = makePdf({ bytes: 7_000_000 })

async function rowsOf({ app }: TestService, firm: FirmId) {
  const { rows } = await sql`select file_name, metadata from document_uploads where firm_id = ${firm}`.execute(app.db)
  return rows
}

it.each(stores)('an erasure ends the uploads of a person, finished or not, and their bytes go: %s', async (store) => {
  const wish = { fileName: 'Nomvula.pdf' }
  const { service, firm, person, uploads } = await uploadAndKill(scene, store, bytes, wish)
  expect((await uploads.begin(bytes.length, { ...wish, piece: bytes.subarray(0, 6_000_000) })).status).toBe(201)
  expect(JSON.stringify(await rowsOf(service, firm))).toContain('Nomvula')
  const administrator = await makePerson(service.app, { role: 'admin' })

  const erased = await call(service.url, `POST /users/${person.id}/erase`, { headers: administrator.headers })

  expect(erased.status).toBe(202)
  const erasedRow = { file_name: 'erased', metadata: '' }
  expect(await rowsOf(service, firm)).toEqual([erasedRow, erasedRow])
  expect(await finish(service)).toEqual({ finished: 0, rejected: 0, left: 0 })
  expect(await leftOf(scene, service, firm)).toEqual({ states: [], bytes: [] })
  expect(await rowsOf(service, firm)).toEqual([])
  expect(await eventsOf(service, firm)).toEqual([])
})
