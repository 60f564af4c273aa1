import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { findPerson, type Person } from '../../database/people/accounts.ts'
import { findUnverifiedEmail } from '../../database/people/unverified-emails.ts'
import { findPersonKeys, hasTraces, type PersonKeys } from '../../database/personal-data/erase-account.ts'
import {
  type ExportedRow,
  pageSection,
  readSingleFacts,
  type SectionName,
  sectionNames,
} from '../../database/personal-data/read-person.ts'
import type { Actor, Clock, UserId } from '../../vocabulary/vocabulary.ts'
import { recordDenial, requireAdministrator, requirePerson } from '../require-right.ts'
import { noSuchPerson } from '../unknown-and-erased-people.ts'

type Needs = { db: Db; now: Clock }

const action = 'person.exported'

/**
 * All data that the service stores about a person, as the text of one JSON object, in pieces. The person themselves or an
 * administrator may export it; the event names both. Throws before the first piece, or breaks off in the middle, so that an
 * incomplete export is no JSON.
 */
export async function exportPerson(needs: Needs, actor: Actor, userId: UserId): Promise<AsyncGenerator<string>> {
  const { db } = needs
  const details = { user_id: userId }
  if (actor.userId === userId) await requirePerson(db, actor, action)
  else await requireAdministrator(db, actor, action, { details })
  return await recordDenial(db, actor, { action, details }, () => startExport(needs, actor, userId))
}

/** Like `exportPerson`, for the command line. */
export async function startExport(
  { db, now }: Needs,
  actor: EventActor,
  userId: UserId,
): Promise<AsyncGenerator<string>> {
  const person = await findPerson(db, userId)
  if (person === undefined && !(await hasTraces(db, userId))) throw noSuchPerson()
  await recordEvent(db, actor, { action, outcome: 'ok', details: { user_id: userId } })
  return writeExport(db, { userId, person, at: now() })
}

type Exported = { userId: UserId; person: Person | undefined; at: Date }

async function* writeExport(db: Db, { userId, person, at }: Exported): AsyncGenerator<string, undefined> {
  const keys = withoutUnverified(await findPersonKeys(db, userId), await findUnverifiedEmail(db, userId))
  const head = {
    user_id: userId,
    exported_at: at,
    account: person === undefined ? null : presentAccount(person),
    ...(await readSingleFacts(db, userId, keys)),
  }
  yield JSON.stringify(head).slice(0, -1)
  for (const name of sectionNames) yield* writeSection(name, pageSection(db, name, { userId, ...keys }))
  yield '}\n'
  return undefined
}

/** What is found by the e-mail may be somebody else's, as long as the person has not shown that it is theirs. */
function withoutUnverified(keys: PersonKeys, unverified: string | undefined): PersonKeys {
  return unverified === undefined ? keys : { ...keys, email: undefined, emailDigest: undefined }
}

async function* writeSection(
  name: SectionName,
  pages: AsyncIterable<ExportedRow[]>,
): AsyncGenerator<string, undefined> {
  yield `,\n${JSON.stringify(name)}:[`
  let isFirst = true
  for await (const rows of pages) {
    const text = rows.map((row) => JSON.stringify(name === 'messages' ? inSnakeCase(row) : row)).join(',\n')
    yield isFirst ? `\n${text}` : `,\n${text}`
    isFirst = false
  }
  yield ']'
  return undefined
}

/** The facts of messages are stored under the names of the code. */
function inSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inSnakeCase)
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  const renamed = ([name, each]: [string, unknown]) => [toSnakeCase(name), inSnakeCase(each)] as const
  return Object.fromEntries(Object.entries(value).map(renamed))
}

function toSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function presentAccount(person: Person) {
  return {
    id: person.id,
    user_type: person.userType,
    email: person.email,
    phone: person.phone,
    first_name: person.firstName,
    last_name: person.lastName,
    role: person.role,
    is_verified: person.isVerified,
    is_locked: person.isShutOut,
    created_at: person.createdAt,
  }
}
