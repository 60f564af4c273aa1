import type { DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { formatDay, type Letter, linkToDocument, quoteComment, quoteName } from './layout.ts'

export type DecisionFacts = {
  firmId: FirmId
  firmName: string
  documentId: DocumentId
  typeName: string
  version: number
  /** A day, as in 2027-03-31. */
  validUntil: string | null
  comment: string | null
  /** An earlier decision about this version was changed. */
  isChange: boolean
}

/** `reason`: the text of the reason code. `isFinal`: a correction does not help. */
export type RejectionFacts = Omit<DecisionFacts, 'validUntil'> & { reason: string; isFinal: boolean }

export function documentVerified(facts: DecisionFacts, publicUrl: string | undefined): Letter {
  const { validUntil } = facts
  return {
    subject: `Accepted: ${facts.typeName} of ${quoteName(facts.firmName)}`,
    paragraphs: [`${theDocument(facts)} was accepted.`, ...changeOf(facts), ...commentOf(facts)],
    link: linkToDocument(facts, publicUrl),
    closing: [
      validUntil === null
        ? 'You need not do anything.'
        : `It is valid until ${formatDay(validUntil)}. The administrators of the firm are reminded in time to upload a new version.`,
    ],
  }
}

export function documentRejected(facts: RejectionFacts, publicUrl: string | undefined): Letter {
  return {
    subject: `Rejected: ${facts.typeName} of ${quoteName(facts.firmName)}`,
    paragraphs: [
      `${theDocument(facts)} was rejected.`,
      `Reason: ${facts.reason}`,
      ...changeOf(facts),
      ...commentOf(facts),
    ],
    link: linkToDocument(facts, publicUrl),
    closing: [
      facts.isFinal
        ? 'A corrected file is not enough here. Ask the platform what to do before you upload another one.'
        : 'Correct it, and upload the corrected file as a new version of this document. Other documents stay as they are.',
    ],
  }
}

function theDocument({
  typeName,
  version,
  firmName,
}: Pick<DecisionFacts, 'typeName' | 'version' | 'firmName'>): string {
  return `The document ${quoteName(typeName)} (version ${version}) of the firm ${quoteName(firmName)}`
}

function changeOf({ isChange }: Pick<DecisionFacts, 'isChange'>): string[] {
  return isChange ? ['This replaces an earlier decision about the same version.'] : []
}

function commentOf({ comment }: Pick<DecisionFacts, 'comment'>): string[] {
  return comment === null ? [] : [`Comment of the reviewer: ${quoteComment(comment)}`]
}
