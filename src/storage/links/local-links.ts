import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import { AppError } from '../../errors/app-error.ts'
import type { Clock, StorageKey, StoreId } from '../../vocabulary/vocabulary.ts'
import type { DownloadLink, LinkedFile, LinkOptions } from '../file-store.ts'
import { isReadableKey } from '../storage-key.ts'

/** `key` is used for these links only. `now` is the service's clock. */
export type LocalLinkNeeds = { key: Uint8Array; now: Clock }

export type LocalLink = LinkedFile & {
  key: StorageKey
  fileName: string
  contentType: string
  disposition: 'attachment' | 'inline'
}

const purpose = 'local_file'

// Strict: a token with other fields is not a link, even if its signature is valid.
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

/** Signs a link to a local file, the equivalent of a presigned URL: anyone who has it may read the file until it expires. */
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

/** Verifies a link's token and returns its content. Throws `forbidden` when it is expired, altered or made for another purpose. */
export async function verifyLocalLink(token: string, needs: LocalLinkNeeds): Promise<LocalLink> {
  const payload = await verify(token, needs)
  const parsed = fields.safeParse(payload)
  if (!parsed.success) throw invalidLink()
  const { key, store_id, size, name, type, disposition } = parsed.data
  if (!isReadableKey(key)) throw invalidLink()
  // Only `signLocalLink` signs for this purpose, with a valid store id.
  const storeId = store_id as StoreId | null
  return { key, storeId, fileSize: size, fileName: name, contentType: type, disposition }
}

async function verify(token: string, { key, now }: LocalLinkNeeds): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], currentDate: now() })
    return payload
  } catch (error) {
    if (error instanceof errors.JWTExpired)
      throw new AppError('forbidden', 'This link has expired. Open the document again to get a new one.')
    if (error instanceof errors.JOSEError) throw invalidLink()
    throw error
  }
}

function invalidLink(): AppError {
  return new AppError('forbidden', 'This link is not valid. Open the document again to get a new one.')
}
