import { freeBytes } from '../../files/file-system.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { type FileStore, StoreError } from '../file-store.ts'
import {
  type GrowingFacts,
  type GrowingFile,
  type GrowingFiles,
  type GrowingPart,
  type GrowthKeeper,
  takeChunks,
} from '../growing-file.ts'
import type { Spool, SpoolFile } from '../spool/spool.ts'
import { partBytes } from './s3-multipart.ts'
import type { S3Parts } from './s3-parts.ts'

type Needs = {
  store: Pick<FileStore, 'read'> & { parts: S3Parts }
  /** A part is complete on disk before it is sent, so that a slow client uses no memory. */
  spool: Spool
}

/** The minimum of S3 for every part but the last. */
const minPartBytes = 5 * 1024 * 1024

/**
 * The file is a multipart upload. S3 accepts no small parts, so a small rest becomes an object, which the next call reads
 * back and sends together with its own bytes.
 */
export function createS3Growing(needs: Needs): GrowingFiles {
  return {
    begin: async (key, facts) => beginOnS3(needs, key, facts),
    append: async (file, chunks, keeper) => appendOnS3(needs, file, { chunks, keeper }),
    async finish(file) {
      const { key, parts, totalBytes } = file
      const sent = parts.reduce((sum, { bytes }) => sum + bytes, 0)
      if (sent !== totalBytes) throw new StoreError('misused', `expected ${totalBytes} bytes in parts, sent ${sent}`)
      return needs.store.parts.complete({ key, id: multipartIdOf(file) }, file)
    },
  }
}

async function beginOnS3({ store }: Needs, key: StorageKey, facts: GrowingFacts): Promise<GrowingFile> {
  const multipartId = await store.parts.open(key, facts)
  return { ...facts, key, bytes: 0, multipartId, parts: [], rest: null }
}

function multipartIdOf({ multipartId }: GrowingFile): string {
  if (multipartId === null) throw new StoreError('misused', 'a growing file on S3 has a multipart upload')
  return multipartId
}

type Appending = { chunks: AsyncIterable<Buffer>; keeper: GrowthKeeper }

async function appendOnS3(needs: Needs, file: GrowingFile, { chunks, keeper }: Appending): Promise<GrowingFile> {
  const piece = createPiece(needs.spool)
  let state = file
  const sendPart = async () => {
    state = await sendPiece(needs, state, piece)
    await keeper.record(state)
    await piece.clear()
  }
  const fill = async (chunk: Buffer) => {
    for (let start = 0; start < chunk.length;) {
      const end = Math.min(chunk.length, start + partBytes - piece.bytes())
      await piece.append(chunk.subarray(start, end))
      start = end
      if (piece.bytes() === partBytes) await sendPart()
    }
  }
  try {
    let isRestTaken = false
    const broken = await takeChunks(chunks, async (chunk) => {
      if (!isRestTaken) await takeRest(needs, state, piece)
      isRestTaken = true
      await fill(chunk)
    })
    const end = sentBytes(state.parts) + piece.bytes()
    if (piece.bytes() >= minPartBytes || (piece.bytes() > 0 && end === state.totalBytes)) await sendPart()
    else if (end > state.bytes) {
      state = await writeRest(needs, state, { piece, keeper })
      await keeper.record(state)
    }
    if (broken !== undefined) throw broken.reason
    return state
  } finally {
    await piece.clear()
  }
}

function sentBytes(parts: readonly GrowingPart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** The bytes of the next part, in a spool file. */
type Piece = {
  bytes(): number
  append(chunk: Buffer): Promise<void>
  path(): string
  clear(): Promise<void>
}

function createPiece(spool: Spool): Piece {
  let file: SpoolFile | undefined
  let bytes = 0
  return {
    bytes: () => bytes,
    async append(chunk) {
      file ??= await spool.open()
      await file.append(chunk)
      bytes += chunk.length
    },
    path: () => file?.content.path ?? '',
    async clear() {
      const old = file
      file = undefined
      bytes = 0
      await old?.remove()
    },
  }
}

async function takeRest({ store }: Needs, { rest }: GrowingFile, piece: Piece): Promise<void> {
  if (rest === null) return
  // A stream of a store yields buffers, which its type does not express.
  const chunks = (await store.read(rest.key)) as AsyncIterable<Buffer>
  for await (const chunk of chunks) {
    await piece.append(chunk)
    freeBytes(chunk)
  }
  if (piece.bytes() !== rest.bytes)
    throw new StoreError('unavailable', `expected ${rest.bytes} bytes in the rest, read ${piece.bytes()}`)
}

/** A part that was sent and not recorded is replaced: its bytes arrive again. */
async function sendPiece({ store }: Needs, file: GrowingFile, piece: Piece): Promise<GrowingFile> {
  const number = (file.parts.at(-1)?.number ?? 0) + 1
  const to = { key: file.key, id: multipartIdOf(file) }
  const part = await store.parts.send(to, { number, path: piece.path(), bytes: piece.bytes() })
  const parts = [...file.parts, part]
  return { ...file, parts, bytes: sentBytes(parts), rest: null }
}

type Rest = { piece: Piece; keeper: GrowthKeeper }

async function writeRest({ store }: Needs, file: GrowingFile, { piece, keeper }: Rest): Promise<GrowingFile> {
  const { contentType, labels } = file
  const bytes = piece.bytes()
  const key = await keeper.nameRest(file)
  await store.parts.putRest(key, { contentType, labels, path: piece.path(), bytes })
  return { ...file, bytes: sentBytes(file.parts) + bytes, rest: { key, bytes } }
}
