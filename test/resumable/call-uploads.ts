import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import type { Person } from '../support/people/people.ts'

export type UploadWish = {
  fileName?: string
  documentType?: string
  metadata?: Record<string, string>
  /** The first piece, sent with the beginning. */
  piece?: Buffer
}

export type Answer = { status: number; headers: Headers; code: string | undefined }

type Where = { url: string; firm: FirmId; person: Person }

const pieceType = { 'content-type': 'application/offset+octet-stream' }

/** Calls the routes of resumable uploads as a client of tus would. */
export function callUploads({ url, firm, person }: Where) {
  const root = `${url}/api/v1/security-firms/${firm}/uploads`
  const call = async (address: string, method: string, headers: Record<string, string>, body?: Buffer) => {
    const response = await fetch(address, {
      method,
      headers: { ...person.headers, 'tus-resumable': '1.0.0', ...headers },
      ...(body && { body: Uint8Array.from(body) }),
    })
    return answerOf(response)
  }
  return {
    root,
    call,
    begin: (bytes: number, wish: UploadWish = {}) =>
      call(
        root,
        'POST',
        {
          'upload-length': String(bytes),
          'upload-metadata': metadataOf({
            filename: wish.fileName ?? 'licence.pdf',
            ...(wish.metadata?.['document_id'] === undefined && {
              document_type: wish.documentType ?? 'registration_certificate',
            }),
            ...wish.metadata,
          }),
          ...(wish.piece && pieceType),
        },
        wish.piece,
      ),
    view: (address: string) => call(address, 'HEAD', {}),
    send: (address: string, offset: number, piece: Buffer) =>
      call(address, 'PATCH', { 'upload-offset': String(offset), ...pieceType }, piece),
    terminate: (address: string) => call(address, 'DELETE', {}),
    /** Begins an upload and returns its address. */
    async beginAt(bytes: number, wish: UploadWish = {}): Promise<string> {
      const begun = await this.begin(bytes, wish)
      if (begun.status !== 201) throw new Error(`the upload did not begin: ${begun.status} ${begun.code}`)
      return new URL(begun.headers.get('location') ?? '', url).href
    },
    /** The stored file of a finished upload. */
    async download({ headers }: Answer): Promise<Buffer> {
      const address = `${url}${headers.get('content-location')}/download`
      return Buffer.from(await (await fetch(address, { headers: person.headers })).arrayBuffer())
    },
  }
}

export type Uploads = ReturnType<typeof callUploads>

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const body = text === '' ? {} : (JSON.parse(text) as { code?: string })
  return { status: response.status, headers: response.headers, code: body.code }
}

export function metadataOf(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

export const offsetOf = ({ headers }: Answer) => Number(headers.get('upload-offset'))
