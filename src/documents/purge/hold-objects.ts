import type { Db } from '../../database/client.ts'
import {
  type HeldObject,
  listObjectsToHold,
  listObjectsToRelease,
  noteObjectHeld,
  noteObjectReleased,
} from '../../database/object-holds.ts'
import type { StorageKey } from '../../vocabulary.ts'
import type { Stores } from '../stores.ts'

type Needs = { db: Db; stores: Stores }

export type HeldObjects = { held: number; released: number; missing: number; no_lock: number; not_allowed: number }

const pageSize = 100

/**
 * Gives the objects of held documents Object Lock's legal hold, and lifts it from the others, by comparison: new versions
 * and moved copies get it too. Without Object Lock or the right it does nothing; the database's hold stays.
 */
export async function holdObjects({ db, stores: { s3 } }: Needs, signal: AbortSignal): Promise<HeldObjects> {
  const counts: HeldObjects = { held: 0, released: 0, missing: 0, no_lock: 0, not_allowed: 0 }
  if (s3 === undefined || s3.outage() !== undefined) return counts

  const set = async (object: HeldObject, isHeld: boolean): Promise<'done' | 'missing' | 'in_vain'> => {
    const outcome = await s3.hold(object.key, isHeld)
    if (outcome !== 'done') counts[outcome] += 1
    return outcome === 'done' || outcome === 'missing' ? outcome : 'in_vain'
  }
  const walk = { db, signal }
  await forEach(walk, listObjectsToRelease, async (object) => {
    const outcome = await set(object, false)
    if (outcome === 'in_vain') return 'enough'
    await noteObjectReleased(db, object)
    if (outcome === 'done') counts.released += 1
    return 'next'
  })
  await forEach(walk, listObjectsToHold, async (object) => {
    const outcome = await set(object, true)
    if (outcome === 'done') {
      await noteObjectHeld(db, object)
      counts.held += 1
    }
    // The next one would be answered alike.
    return outcome === 'in_vain' ? 'enough' : 'next'
  })
  return counts
}

type List = (db: Db, page: { after: StorageKey | undefined; limit: number }) => Promise<HeldObject[]>

async function forEach(
  { db, signal }: { db: Db; signal: AbortSignal },
  list: List,
  work: (object: HeldObject) => Promise<'next' | 'enough'>,
): Promise<void> {
  let after: StorageKey | undefined
  do {
    const page: HeldObject[] = await list(db, { after, limit: pageSize })
    for (const object of page) if (signal.aborted || (await work(object)) === 'enough') return
    after = page.length < pageSize ? undefined : page.at(-1)?.key
  } while (after !== undefined)
}
