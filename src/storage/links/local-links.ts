import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import { AppError } from '../../errors/app-error.ts'
import type { Clock, StorageKey, StoreId } from '../../vocabulary/vocabulary.ts'
import type { DownloadLink, LinkedFile, LinkOptions } from '../file-store.ts'
import { isReadableKey } from '../storage-key.ts'

/** The key is for these links alone; `now` is the service's clock. */
export type LocalLinkNeeds = { key: Uint8Array; now: Clock }

export type LocalLink = LinkedFile & {
  key: StorageKey
  fileName: string
  contentType: string
  disposition: 'attachment' | 'inline'
}

const purpose = 'local_file'

// Closed: a token with a field more or less is not one of these, whoever signed it.
const fields = z.strictObject({
  purpose: z.literal(purpose),
  key: z.string().refine(isReadableKey),
  store_id: z.guid().nullable(),
  size: z.int().nonnegative(),
  name: z.string(),
  type: z.string(),
  disposition: z.enum(['attachment', 'inline']),
  exp: z.int(),
})

/** A link that stands for the local file as a presigned URL stands for an object: whoever has it may read, for a while. */
export async function signLocalLink(
  needs: LocalLinkNeeds,
  storageKey: StorageKey,
  link: LinkOptions & LinkedFile,
): Promise<DownloadLink> {
  const exp = Math.floor(needs.now().getTime() / 1000) + link.seconds
  const token = await new SignJWT({
    purpose,
    key: storageKey,
    store_id: link.storeId,
    size: link.fileSize,
    name: link.fileName,
    type: link.contentType,
    disposition: link.disposition,
    exp,
  })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(needs.key)
  return { url: `/api/v1/files/${token}`, expiresAt: new Date(exp * 1000) }
}

/** What a link's token stands for. Throws `forbidden` when it is over, altered, or was made for anything else. */
export async function verifyLocalLink(token: string, needs: LocalLinkNeeds): Promise<LocalLink> {
  const payload = await verify(token, needs)
  const parsed = fields.safeParse(payload)
  if (!parsed.success) throw wrongLink()
  const { key, store_id, size, name, type, disposition } = parsed.data
  if (!isReadableKey(key)) throw wrongLink()
  // Only `signLocalLink` signs for this purpose, and it had a disk's id.
  const storeId = store_id as StoreId | null
  return { key, storeId, fileSize: size, fileName: name, contentType: type, disposition }
}

async function verify(token: string, { key, now }: LocalLinkNeeds): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], currentDate: now() })
    return payload
  } catch (error) {
    if (error instanceof errors.JWTExpired)
      throw new AppError('forbidden', 'This link is over. Open the document again to get a new one.')
    if (error instanceof errors.JOSEError) throw wrongLink()
    throw error
  }
}

function wrongLink(): AppError {
  return new AppError('forbidden', 'This link is not valid. Open the document again to get a new one.')
}
