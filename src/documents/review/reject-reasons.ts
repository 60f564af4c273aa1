import type { DocumentType } from '../../database/documents/document-types.ts'
import type { RejectReason } from '../../vocabulary/vocabulary.ts'

/** Of every type without its own. Contract §8. */
const commonRejectReasons: readonly RejectReason[] = [
  { code: 'wrong_document', text: 'This is another document than the required one.', isFinal: false },
  { code: 'unreadable', text: 'It cannot be read: it is blurred, dark or cut off.', isFinal: false },
  { code: 'incomplete', text: 'Pages or details are missing.', isFinal: false },
  { code: 'outdated', text: 'It has expired, or is older than allowed.', isFinal: false },
  { code: 'name_mismatch', text: 'The name on it is not the name of the firm or person.', isFinal: false },
  { code: 'altered', text: 'It seems to have been altered.', isFinal: true },
  { code: 'other', text: 'Another reason, which the comment explains.', isFinal: false },
]

/** What a rejection of a document of this type can name. */
export function reasonsOf({ rejectReasons }: Pick<DocumentType, 'rejectReasons'>): readonly RejectReason[] {
  return rejectReasons ?? commonRejectReasons
}
