import { atSignOut, onSessionEnd } from '../api/session.ts'

/** Files that wait for their upload, and documents that a person puts together from photos. */
export type StoreName = 'uploads' | 'drafts'

/** What every stored row has. `personId`: nobody else on this device gets it. */
export type DeviceRow = { id: string; personId: string; addedAt: number }

const stores: readonly StoreName[] = ['uploads', 'drafts']
let opening: Promise<IDBDatabase> | undefined

/** All rows of a person, oldest first. */
export async function readRows<Row extends DeviceRow>(store: StoreName, personId: string): Promise<Row[]> {
  const rows = await run(store, 'readonly', (table) => table.getAll() as IDBRequest<Row[]>)
  return rows.filter((row) => row.personId === personId).toSorted((one, other) => one.addedAt - other.addedAt)
}

/** Inserts or replaces a row. Its files are copied, so that a change of the picked file changes nothing here. */
export async function writeRow(store: StoreName, row: DeviceRow): Promise<void> {
  await run(store, 'readwrite', (table) => table.put(row))
}

/** Undefined: there is none. */
export async function readRow<Row extends DeviceRow>(store: StoreName, id: string): Promise<Row | undefined> {
  return await run(store, 'readonly', (table) => table.get(id) as IDBRequest<Row | undefined>)
}

export async function deleteRow(store: StoreName, id: string): Promise<void> {
  await run(store, 'readwrite', (table) => table.delete(id))
}

/** As long as the service knows an idempotency key: a later attempt could store the file twice. */
const maxAgeMs = 7 * 24 * 60 * 60 * 1000

/** Removes the rows of other people, and those that are too old to be sent. */
export async function removeOthersAndOld(personId: string): Promise<void> {
  const oldest = Date.now() - maxAgeMs
  for (const store of stores) {
    const rows = await run(store, 'readonly', (table) => table.getAll() as IDBRequest<DeviceRow[]>)
    for (const row of rows) if (row.personId !== personId || row.addedAt < oldest) await deleteRow(store, row.id)
  }
}

/**
 * Removes everything from this device when the person signs out. When a session ends by itself the rows stay, since the
 * person may come back. `close` ends what is under way, and runs in both cases.
 */
export function removeAtSignOut(close: () => void): void {
  onSessionEnd(close)
  atSignOut(async () => {
    close()
    await clearRows().catch(() => undefined)
  })
}

async function clearRows(): Promise<void> {
  for (const store of stores) await run(store, 'readwrite', (table) => table.clear())
}

/** Resolves when the transaction is complete, so that the row survives a killed tab. Rejects also when the device is full. */
async function run<Result>(
  store: StoreName,
  mode: IDBTransactionMode,
  work: (table: IDBObjectStore) => IDBRequest<Result>,
): Promise<Result> {
  const database = await open()
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const transaction = database.transaction(store, mode, { durability: mode === 'readwrite' ? 'strict' : 'default' })
  const request = work(transaction.objectStore(store))
  transaction.addEventListener('complete', () => resolve(request.result))
  for (const event of ['abort', 'error'])
    transaction.addEventListener(event, () => reject(transaction.error ?? request.error ?? new Error(event)))
  return promise
}

function open(): Promise<IDBDatabase> {
  opening ??= openDatabase()
  // Another attempt may succeed.
  opening.catch(() => (opening = undefined))
  return opening
}

function openDatabase(): Promise<IDBDatabase> {
  const { promise, resolve, reject } = Promise.withResolvers<IDBDatabase>()
  const request = indexedDB.open('paniq', 1)
  request.addEventListener('upgradeneeded', () => {
    for (const store of stores) request.result.createObjectStore(store, { keyPath: 'id' })
  })
  request.addEventListener('success', () => {
    const database = request.result
    database.addEventListener('close', () => (opening = undefined))
    // A newer version of the page in another tab.
    database.addEventListener('versionchange', () => {
      database.close()
      opening = undefined
    })
    resolve(database)
  })
  request.addEventListener('error', () => reject(request.error ?? new Error('no database on this device')))
  request.addEventListener('blocked', () => reject(new Error('the database of this device is blocked')))
  return promise
}
