import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { Client } from 'pg'

import type { DocumentId, FirmId } from '../../../src/vocabulary/vocabulary.ts'
import type { FreshBucket } from '../s3/fresh-bucket.ts'
import { makePdf } from '../files/make-files.ts'

export type PlatformDocument = { id: DocumentId; firmId: FirmId; filePath: string; bytes: Buffer }

export type PlatformDocumentOptions = {
  /** The value of `firm_documents.file_path`. Default: a key in the platform's form. */
  filePath?: string
  /** Columns with other values than the default. */
  row?: Record<string, unknown>
  bytes?: Buffer
}

/** The platform's store for files: its bucket, or a folder. */
export type PlatformFiles = { bucket?: FreshBucket; uploadsDir: string }

/** A key in the platform's form: the text after the last dot of the user's file name is the extension. */
export function platformKey(firmId: FirmId, { type = 'tax_clearance', extension = 'pdf' } = {}): string {
  return `security_firms/${firmId}/${type}_${randomUUID()}.${extension}`
}

/** A document as the platform stores it: first the file, then its row. */
export async function insertPlatformDocument(
  platform: Client,
  files: PlatformFiles,
  firmId: FirmId,
  wish: PlatformDocumentOptions = {},
): Promise<PlatformDocument> {
  const filePath = wish.filePath ?? platformKey(firmId)
  const bytes = wish.bytes ?? makePdf({ seed: randomUUID() })
  await putPlatformFile(files, filePath, bytes)
  const id = await insertDocumentRow(platform, firmId, { file_path: filePath, file_size: bytes.length, ...wish.row })
  return { id, firmId, filePath, bytes }
}

export async function putPlatformFile(files: PlatformFiles, filePath: string, bytes: Buffer): Promise<void> {
  if (filePath.startsWith('uploads/')) {
    const path = join(files.uploadsDir, filePath.slice('uploads/'.length))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
    return
  }
  const { bucket } = files
  const labels = { original_filename: 'clearance.pdf', document_type: 'tax_clearance' }
  await bucket?.client.send(
    new PutObjectCommand({
      Bucket: bucket.name,
      Key: filePath,
      Body: bytes,
      ContentType: 'application/pdf',
      Metadata: labels,
    }),
  )
}

/** Only the row, by the platform's own INSERT. */
export async function insertDocumentRow(
  platform: Client,
  firmId: FirmId,
  row: Record<string, unknown>,
): Promise<DocumentId> {
  const columns: Record<string, unknown> = {
    id: randomUUID(),
    firm_id: firmId,
    document_type: 'tax_clearance',
    file_name: 'clearance.pdf',
    file_path: platformKey(firmId),
    file_size: 1000,
    mime_type: 'application/pdf',
    uploaded_by: randomUUID(),
    is_verified: false,
    ...row,
  }
  const names = Object.keys(columns)
  const places = names.map((_name, index) => `$${index + 1}`)
  await platform.query(
    `insert into firm_documents (${names.join(', ')}) values (${places.join(', ')})`,
    names.map((name) => columns[name]),
  )
  return columns['id'] as DocumentId // created here, or given by the caller
}

/** Changes one document's row like the platform's code. */
export async function updateDocumentRow(
  platform: Client,
  { id }: { id: DocumentId },
  change: Record<string, unknown>,
): Promise<void> {
  const names = Object.keys(change)
  const changes = names.map((name, index) => `${name} = $${index + 2}`).join(', ')
  const { rowCount } = await platform.query(`update firm_documents set ${changes}, updated_at = now() where id = $1`, [
    id,
    ...Object.values(change),
  ])
  if (rowCount !== 1) throw new Error('firm_documents has no such row')
}

export async function deleteDocumentRow(platform: Client, { id }: { id: DocumentId }): Promise<void> {
  await platform.query('delete from firm_documents where id = $1', [id])
}
