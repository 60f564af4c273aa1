import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

import {
  type ArchivedVersion,
  findArchivedVersion,
  listArchivedTypes,
  listArchivedVersions,
  openArchive,
} from '../../database/exports/archive.ts'
import { findFirmName } from '../../database/mail/recipients.ts'
import type { Membership } from '../../database/people/check-access.ts'
import { isAppError } from '../../errors/app-error.ts'
import { recordDenial, requireRight } from '../../people/require-right.ts'
import { rights } from '../../people/rights.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { dayInJohannesburg } from '../../vocabulary/days.ts'
import type { Actor, Clock, FirmId, Sha256 } from '../../vocabulary/vocabulary.ts'
import { WrongBytes } from '../download/check-while-sending.ts'
import { openBlob, type OpenBlobNeeds } from '../download/open-stored-file.ts'
import { findStore } from '../stores/reachable-stores.ts'
import { type ArchiveNames, createArchiveNames } from './archive-names.ts'
import type { ArchiveLimit } from './limit-archives-at-once.ts'
import { createManifest, type LeftOut } from './archive-manifest.ts'
import { type MinRate, minArchiveRate, requireRate } from './cut-slow-readers.ts'
import { writeZip, type ZipEntry } from './write-zip.ts'

export type ArchiveNeeds = OpenBlobNeeds & {
  scanner: Scanner | undefined
  now: Clock
  limit: ArchiveLimit
  /** Of the client. Default: `minArchiveRate`. */
  minRate?: MinRate
}

export type ArchiveRequest = { firmId: FirmId; withVersions: boolean }

export type FirmArchive = { firmName: string; content: Readable }

/** Larger files are checked while they are sent. This is the default of MAX_UPLOAD_BYTES. */
const checkedInMemoryBytes = 10 * 1024 * 1024
const pageSize = 200
/** How long an archive goes on without another check of the person's right. */
const checkedForMs = 30_000

/**
 * A ZIP of the firm's documents, read while it is sent. The first file has been read before this resolves. A file up to 10 MiB
 * is in memory when its hash is checked, so that a damaged one is only named in the manifest; a larger one ends the stream.
 */
export async function archiveFirm(needs: ArchiveNeeds, actor: Actor, request: ArchiveRequest): Promise<FirmArchive> {
  const end = needs.limit.begin({ userId: actor.userId, firmId: request.firmId })
  try {
    const archive = await startArchive(needs, actor, request)
    archive.content.once('close', end)
    return archive
  } catch (error) {
    end()
    throw error
  }
}

/** For HEAD: checks the right, reads no file and sends no archive, so that it leaves no event but that of a denial. */
export async function describeArchive(
  needs: Pick<ArchiveNeeds, 'db'>,
  actor: Actor,
  { firmId }: Pick<ArchiveRequest, 'firmId'>,
): Promise<Pick<FirmArchive, 'firmName'>> {
  await requireRight(needs, actor, 'documents.export', { firmId })
  return { firmName: await findFirmName(needs.db, firmId) }
}

async function startArchive(needs: ArchiveNeeds, actor: Actor, request: ArchiveRequest): Promise<FirmArchive> {
  const { firmId, withVersions } = request
  const right = rights['documents.export']
  const { membership, firmName } = await recordDenial(needs.db, actor, { action: right.event, firmId }, () =>
    openArchive(needs.db, actor, { firmId, right, withVersions }),
  )
  const ending = new AbortController()
  const entries = collect({ needs, actor, membership, withVersions, signal: ending.signal })
  const first = await entries.next()
  const zip = writeZip(startWith(first, entries))
  zip.once('close', () => ending.abort())
  return { firmName, content: requireRate(zip, needs.minRate ?? minArchiveRate) }
}

async function* startWith<Item>(
  first: IteratorResult<Item, void>,
  rest: AsyncGenerator<Item, void>,
): AsyncGenerator<Item> {
  try {
    if (first.done !== true) yield first.value
    yield* rest
  } finally {
    await rest.return()
  }
}

type Collecting = {
  needs: ArchiveNeeds
  actor: Actor
  membership: Membership
  withVersions: boolean
  signal: AbortSignal
}

/** Each file that may be served, then the manifest. */
async function* collect(collecting: Collecting): AsyncGenerator<ZipEntry, void> {
  const { needs, signal } = collecting
  const names = createArchiveNames()
  const manifest = createManifest(dayInJohannesburg(needs.now()))
  const checkRight = createRightCheck(collecting)
  for await (const version of listVersions(collecting)) {
    signal.throwIfAborted()
    await checkRight()
    const path = pathOf(names, version)
    const opened = await openVersion(collecting, version)
    if ('leftOut' in opened) {
      manifest.add({ version, path, sha256: version.sha256, leftOut: opened.leftOut })
      continue
    }
    yield { path, content: opened.content, size: opened.version.fileSize, modifiedAt: version.uploadedAt }
    manifest.add({ version: opened.version, path, sha256: opened.sha256(), leftOut: null })
  }
  const parts = manifest.parts()
  const size = parts.reduce((bytes, part) => bytes + part.length, 0)
  yield { path: 'manifest.csv', content: Readable.from(parts), size, modifiedAt: needs.now() }
}

async function* listVersions({ needs, membership, withVersions }: Collecting): AsyncGenerator<ArchivedVersion> {
  for (const documentType of await listArchivedTypes(needs.db, membership)) {
    let after: ArchivedVersion | undefined
    do {
      const page = await listArchivedVersions(needs.db, membership, {
        documentType,
        withVersions,
        after,
        limit: pageSize,
      })
      yield* page
      after = page.length < pageSize ? undefined : page.at(-1)
    } while (after !== undefined)
  }
}

/** Checks the right again from time to time. Throws the denial, which ends the archive. */
function createRightCheck({ needs, actor, membership: { firmId } }: Collecting): () => Promise<void> {
  let checkedAt = needs.now().getTime()
  return async () => {
    if (needs.now().getTime() - checkedAt < checkedForMs) return
    await requireRight(needs, actor, 'documents.export', { firmId })
    checkedAt = needs.now().getTime()
  }
}

function pathOf(names: ArchiveNames, { isCurrent, version, ...file }: ArchivedVersion): string {
  return names.pathOf({ ...file, ...(isCurrent ? {} : { note: `version ${version}` }) })
}

type Opened = { version: ArchivedVersion; content: Readable; sha256: () => Sha256 } | { leftOut: LeftOut }

/**
 * The row is read again, since a slow client may be minutes behind the page: a document that was deleted or found infected
 * meanwhile is left out, and a file that was moved is found where it is now.
 */
async function openVersion(collecting: Collecting, listed: ArchivedVersion): Promise<Opened> {
  const { needs, membership } = collecting
  let opened: Opened = { leftOut: 'deleted_meanwhile' }
  // A second time for a file that is moved between the row and the bytes.
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const version = await findArchivedVersion(needs.db, membership, listed)
    if (version === undefined) return { leftOut: 'deleted_meanwhile' }
    opened = await openListed(collecting, version)
    if (!('leftOut' in opened) || opened.leftOut !== 'missing') return opened
  }
  return opened
}

async function openListed({ needs, actor, signal }: Collecting, version: ArchivedVersion): Promise<Opened> {
  const leftOut = reasonOf(needs, version)
  if (leftOut !== undefined) return { leftOut }
  const { store, storeId, key, fileSize, sha256 } = version
  try {
    const blob = await openBlob(needs, actor, { store, storeId, key, size: fileSize, sha256 })
    const file = hashing(await blob.read())
    if (fileSize > checkedInMemoryBytes) return { version, ...file }
    const chunks = await readAll(file.content, signal)
    return { version, ...file, content: Readable.from(consume(chunks), { objectMode: false }) }
  } catch (error) {
    if (error instanceof WrongBytes) return { leftOut: 'corrupt' }
    if (isAppError(error, 'gone')) return { leftOut: 'missing' }
    // A file of the platform may be on the disk of any instance.
    if (isAppError(error, 'store_unavailable') && store === 'local' && storeId === null)
      return { leftOut: 'on_another_instance' }
    throw error
  }
}

/** Undefined: the file may be served, and this instance can read it. */
function reasonOf({ scanner, stores }: ArchiveNeeds, version: ArchivedVersion): LeftOut | undefined {
  const { scanStatus, bytesState } = version
  if (scanStatus === 'infected') return 'infected'
  if (bytesState === 'wrong') return 'corrupt'
  if (bytesState !== 'present') return 'missing'
  if (scanStatus === 'pending' || (scanStatus === 'skipped' && scanner !== undefined)) return 'not_scanned'
  if (version.store === 'local' && findStore(stores, version) === undefined) return 'on_another_instance'
  return undefined
}

/** `sha256`: for the manifest, once the content was read. A row of the platform may have no hash yet. */
function hashing(source: Readable): { content: Readable; sha256: () => Sha256 } {
  const hash = createHash('sha256')
  async function* pass(): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      hash.update(chunk as Buffer)
      yield chunk as Buffer // stores yield buffers
    }
  }
  return { content: Readable.from(pass(), { objectMode: false }), sha256: () => hash.digest('hex') as Sha256 } // the hex of a SHA-256
}

async function readAll(source: Readable, signal: AbortSignal): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of source) {
    signal.throwIfAborted()
    chunks.push(chunk as Buffer) // stores yield buffers
  }
  return chunks
}

/** Forgets each chunk as it is read. */
function* consume(chunks: Buffer[]): Generator<Buffer> {
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) yield chunk
}
