import { metadataOf } from '../../resumable/call-uploads.ts'
import type { Way } from './ask-route.ts'

const root = '/api/v1/security-firms/:firm_id/uploads'
const tus = { 'tus-resumable': '1.0.0' }
const piece = { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }

/** As the other ways of `ask-route.ts`, of resumable uploads. There is none under this id. */
export const waysOfUploads: Record<string, Way> = {
  [`OPTIONS ${root}`]: { options: () => ({}), letIn: '204' },
  [`OPTIONS ${root}/:id`]: { options: () => ({}), letIn: '204' },
  [`POST ${root}`]: {
    options: (_service, { documentId, confidentialId }) => ({
      headers: {
        ...tus,
        'upload-length': '1000',
        'upload-metadata': metadataOf({
          filename: 'licence.pdf',
          document_type: documentId === confidentialId ? 'bank_statement' : 'registration_certificate',
        }),
      },
    }),
    letIn: '201',
  },
  [`HEAD ${root}/:id`]: { options: () => ({ headers: tus }), letIn: '404' },
  [`PATCH ${root}/:id`]: { options: () => ({ headers: piece, file: Buffer.alloc(10) }), letIn: '404 not_found' },
  [`DELETE ${root}/:id`]: { options: () => ({ headers: tus }), letIn: '404 not_found' },
}
