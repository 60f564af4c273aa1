import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { FirmName } from '../state/cast.ts'
import { differs, type Uploaded, type KnownDocument, type Model, nameOf, newDocument } from '../state/model.ts'
import { isFirstVersion, noteShown } from './note-shown.ts'
import { addDocument, fateOf, spanOf } from './note-uploaded.ts'

/** Of one type or all types, with or without the trash. */
export type Asked = { documentType?: string | undefined; withTrash?: boolean }

/** A complete list. It decides unknown outcomes, and must otherwise match the model. */
export function noteList(model: Model, firmName: FirmName, seen: DocumentShape[], asked: Asked = {}): void {
  const firm = model.firms[firmName]
  const listed = seen.map((shape) => noteSeen(model, firmName, shape))

  for (const document of firm.documents) {
    const times = listed.filter((each) => each === document).length
    if (times !== Number(isAskedFor(document, asked))) differs(`${nameOf(document)} is listed ${times} times`)
  }
  for (const [index, document] of listed.entries()) {
    const newer = listed[index - 1]
    if (newer !== undefined && newer.moments[1] < document.moments[0])
      differs(`${nameOf(document)} is newer than ${nameOf(newer)}, and listed after it`)
  }
  const missing = firm.doubtful.find((doubt) => doubt.mustStand && isAskedFor(doubt, asked))
  if (missing !== undefined) differs(`${missing.fileName} must stand, since its key does, and is not listed`)
  firm.doubtful = firm.doubtful.filter((doubt) => doubt.mayCome || !isAskedFor(doubt, asked))
}

function isAskedFor(
  { documentType, isInTrash = false }: Uploaded & { isInTrash?: boolean },
  { documentType: wanted = documentType, withTrash = false }: Asked,
): boolean {
  return documentType === wanted && (withTrash || !isInTrash)
}

/** One document as the API shows it: a known one, or one whose outcome was unknown and is now known. */
export function noteSeen(model: Model, firmName: FirmName, shape: DocumentShape): KnownDocument {
  const firm = model.firms[firmName]
  const known = firm.documents.find(({ id }) => id === shape.id)
  if (known !== undefined) {
    noteShown(model, known, shape)
    return known
  }
  const doubts = firm.doubtful.filter((each) => isFirstVersion(each, shape))
  const [doubt] = doubts
  if (doubt === undefined) return differs(`a document that nobody uploaded: ${JSON.stringify(shape)}`)
  const [earliest, latest] = spanOf(doubts)
  const moments: Uploaded['moments'] = [earliest, Math.min(latest, model.moment)]
  const document = newDocument({ ...doubt, moments }, shape.id, fateOf(doubts))
  firm.doubtful.splice(firm.doubtful.indexOf(doubt), 1)
  noteShown(model, document, shape)
  return addDocument(model, document)
}
