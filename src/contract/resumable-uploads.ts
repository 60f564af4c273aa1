import { z } from 'zod'

import { uuid } from './documents.ts'

export const uploadParams = z.object({ firm_id: uuid, id: uuid })

/** Without formats: a malformed header of tus is `bad_request`. */
const header = (description: string) => z.string().optional().meta({ description })

export const tusHeader = z.object({
  'tus-resumable': header('The version of the protocol: `1.0.0`.'),
})

export const beginHeaders = tusHeader.extend({
  'upload-length': header('The length of the file in bytes.'),
  'upload-metadata': header(
    'Pairs of a key and a value in base64: `filename`, `document_type` (code or id) or, for a new version, `document_id`, optional `filetype`, `sha256` and `idempotency_key`.',
  ),
})

export const pieceHeaders = tusHeader.extend({
  'upload-offset': header('The number of bytes that the service has, as HEAD returns it.'),
})

const missingType = 'is missing: send a code or id in Upload-Metadata; GET /api/v1/document-types lists them'

/** The values of `Upload-Metadata`. Other keys are returned to the client, and not used. */
export const metadataShape = z
  .object({
    filename: z.string().default(''),
    document_type: z.string().min(1, 'must not be empty').max(50, 'must be at most 50 characters').optional(),
    document_id: uuid.optional(),
    filetype: z.string().max(255, 'must be at most 255 characters').optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')
      .optional(),
    idempotency_key: z.string().min(1, 'must not be empty').max(255, 'must be at most 255 characters').optional(),
  })
  .transform(({ document_id: documentId, document_type: documentType, ...others }, context) => {
    if (documentId !== undefined) return { ...others, target: { documentId } }
    if (documentType !== undefined) return { ...others, target: { documentType } }
    context.addIssue({ code: 'custom', path: ['document_type'], message: missingType })
    return z.NEVER
  })
