import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { S3Config } from '../../../src/config/load-config.ts'
import type { DownloadLink, FileStore } from '../../../src/storage/file-store.ts'
import { formatContentDisposition } from '../../../src/storage/links/content-disposition.ts'
import { verifyLocalLink } from '../../../src/storage/links/local-links.ts'
import { openLocalStore } from '../../../src/storage/local/local-store.ts'
import type { S3Timeouts } from '../../../src/storage/s3/requests/retrying-s3-client.ts'
import type { S3OperationReport } from '../../../src/storage/s3/requests/s3-operation.ts'
import { openS3Store, type S3Store } from '../../../src/storage/s3/s3-store.ts'
import { openSpool, type Spool } from '../../../src/storage/spool/spool.ts'
import type { StorageKey } from '../../../src/vocabulary/vocabulary.ts'
import { type FreshBucket, freshBucket } from '../../support/s3/fresh-bucket.ts'
import { listBucket, listFolder } from '../../support/s3/list-everything.ts'

export type FollowedLink = { status: number; disposition: string | null; contentType: string | null; bytes: Buffer }

/** A store for one test file, with access to internals. */
export type StoreUnderTest = {
  store: FileStore
  spool: Spool
  /** Everything in the store, including hidden and unfinished objects. */
  everything(): Promise<unknown[]>
  /** The answer to a link without a token. */
  follow(link: DownloadLink): Promise<FollowedLink>
  close(): Promise<void>
}

export const storesUnderTest: Record<string, () => Promise<StoreUnderTest>> = {
  'the local store': openLocalForTest,
  'the store on S3': openS3ForTest,
}

async function openLocalForTest(): Promise<StoreUnderTest> {
  const { folder, spool, removeFolder } = await temporaryFolder()
  const links = { key: Buffer.alloc(32, 'link'), now: () => new Date() }
  const root = join(folder, 'uploads')
  const local = await openLocalStore({ root, links })
  // A local link names a version; the row of that version has the rest.
  const rows = new Map<string, { key: StorageKey; fileName: string; contentType: string }>()
  const store: FileStore = {
    ...local,
    async signDownload(key, link) {
      const signed = await local.signDownload(key, link)
      rows.set(signed.url, { key, ...link })
      return signed
    },
  }

  return {
    store,
    spool,
    everything: async () => (await listFolder(root)).filter(({ kind }) => kind !== 'folder'),
    // The service's route for links, which is above a store.
    async follow({ url }) {
      const opened = await verifyLocalLink(url.slice('/api/v1/files/'.length), links).catch(() => undefined)
      const row = rows.get(url)
      if (opened === undefined || row === undefined)
        return { status: 403, disposition: null, contentType: null, bytes: Buffer.alloc(0) }
      const chunks = await Array.fromAsync<Buffer>(await store.read(row.key))
      const disposition = formatContentDisposition(row.fileName, opened.disposition)
      return { status: 200, disposition, contentType: row.contentType, bytes: Buffer.concat(chunks) }
    },
    async close() {
      await local.close()
      await removeFolder()
    },
  }
}

async function openS3ForTest(): Promise<StoreUnderTest> {
  const { spool, removeFolder } = await temporaryFolder()
  const bucket = await freshBucket()
  const { store } = openS3On(bucket)

  return {
    store,
    spool,
    everything: () => listBucket(bucket.client, bucket.name),
    async follow({ url }) {
      const answer = await fetch(url)
      const { headers } = answer
      return {
        status: answer.status,
        disposition: headers.get('content-disposition'),
        contentType: headers.get('content-type'),
        bytes: Buffer.from(await answer.arrayBuffer()),
      }
    },
    async close() {
      store.close()
      await bucket.remove()
      await removeFolder()
    },
  }
}

export type S3ForTest = {
  store: S3Store
  /** Multipart uploads that were recorded as opened and not as closed. */
  unfinished: Map<string, string>
  /** Each event and warning, as one line of JSON. */
  logLines: string[]
  /** The reported metrics. */
  reports: S3OperationReport[]
}

type S3Wishes = { endpoint?: string; timeouts?: S3Timeouts; hasChecksums?: boolean }

/** A store with the permissions of the `app` user on a bucket; `endpoint`: through a proxy. */
export function openS3On(bucket: FreshBucket, wishes: S3Wishes = {}): S3ForTest {
  const { endpoint = bucket.s3.endpoint, ...rest } = wishes
  const config: S3Config = {
    bucket: bucket.name,
    region: bucket.s3.region,
    endpoint,
    publicEndpoint: endpoint,
    forcePathStyle: true,
    credentials: bucket.s3.app,
    cloudFront: undefined,
  }
  return openS3ByConfig(config, rest)
}

export function openS3ByConfig(config: S3Config, wishes: Omit<S3Wishes, 'endpoint'> = {}): S3ForTest {
  const unfinished = new Map<string, string>()
  const logLines: string[] = []
  const reports: S3OperationReport[] = []
  const note = (event: unknown) => logLines.push(JSON.stringify(event))
  const store = openS3Store({
    config,
    log: { info: note, warn: note },
    recorder: {
      opened: async (key, id) => void unfinished.set(key, id),
      closed: async (key) => void unfinished.delete(key),
    },
    onOperation: (report) => reports.push(report),
    ...wishes,
  })
  return { store, unfinished, logLines, reports }
}

export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'store-test-'))
  const spool = await openSpool(join(folder, 'spool'))
  return { folder, spool, removeFolder: () => rm(folder, { recursive: true, force: true }) }
}
