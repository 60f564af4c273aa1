import { join } from 'node:path'

import type { Logger } from 'pino'

import type { Config } from './config.ts'
import type { Db } from './database/client.ts'
import { connectDatabase } from './database/connect.ts'
import { setMultipartId } from './database/uploads.ts'
import type { Stores } from './documents/stores.ts'
import { deriveKey } from './people/derive-key.ts'
import { keepSecret } from './people/keep-secret.ts'
import { makePasswords, type Passwords } from './people/passwords.ts'
import { type TokenKeys, tokenKeysOf } from './people/tokens.ts'
import { type ByteBudget, makeByteBudget } from './storage/byte-budget.ts'
import type { MultipartRecorder } from './storage/file-store.ts'
import { findCredentials } from './storage/find-credentials.ts'
import { openLocalStore } from './storage/local-store.ts'
import { openS3Store } from './storage/s3-store.ts'
import { openSpool, type Spool } from './storage/spool.ts'
import type { Clock } from './vocabulary.ts'

/** Bytes of small files that may be in memory at once, over all uploads; more wait. */
const uploadMemoryBytes = 96 * 1024 * 1024

/** Everything that the ways in share, built once. */
export type App = {
  config: Config
  log: Logger
  now: Clock
  db: Db
  stores: Stores
  budget: ByteBudget
  spool: Spool
  passwords: Passwords
  keys: TokenKeys & { localLinks: Uint8Array; cursors: Uint8Array }
  /** Names of the migrations that this start ran. */
  migrated: string[]
  close(): Promise<void>
}

/** Builds the whole from its settings, in the order in which each part needs the one before; `close` undoes it in reverse. */
export async function openApp(config: Config, log: Logger): Promise<App> {
  const opened: (() => Promise<void>)[] = []
  const close = async () => {
    for (const closeOne of opened.splice(0).toReversed()) await closeOne()
  }
  try {
    const database = await connectDatabase({ config: config.database, dataDir: config.dataDir, log })
    opened.push(() => database.close())
    const secret = config.jwtSecret ?? (await keepSecret(config.dataDir))
    const keys = {
      ...tokenKeysOf(secret),
      localLinks: deriveKey(secret, 'local-links'),
      cursors: deriveKey(secret, 'cursors'),
    }
    const stores = await openStores(config, { db: database.db, log, linkKey: keys.localLinks })
    opened.push(async () => stores.close())

    return {
      config,
      log,
      now: () => new Date(),
      db: database.db,
      stores,
      budget: makeByteBudget(uploadMemoryBytes),
      spool: await openSpool(join(config.dataDir, 'spool')),
      passwords: makePasswords(),
      keys,
      migrated: database.migrated,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

type StoreNeeds = { db: Db; log: Logger; linkKey: Uint8Array }

async function openStores(config: Config, { db, log, linkKey }: StoreNeeds): Promise<Stores & { close(): void }> {
  const hasCredentials = config.s3.credentials !== undefined || (config.useS3 && (await findCredentials(config.s3)))
  if (config.useS3 && !hasCredentials) log.warn({ event: 's3_no_credentials' }, 'AWS credentials not found')

  const local = await openLocalStore({ root: config.uploadsDir, links: { key: linkKey, now: () => new Date() } })
  const s3 = hasCredentials ? openS3Store({ config: config.s3, log, recorder: recorderOf(db) }) : undefined
  return { s3, local, target: targetOf(config, hasCredentials), close: () => s3?.close() }
}

function targetOf({ useS3, fallback }: Config, hasCredentials: boolean): Stores['target'] {
  if (!useS3) return 'local'
  if (hasCredentials) return 's3'
  return fallback === 'local' ? 'fallback' : 'none'
}

function recorderOf(db: Db): MultipartRecorder {
  return {
    opened: (key, multipartId) => setMultipartId(db, key, multipartId),
    closed: (key) => setMultipartId(db, key, null),
  }
}
