import type { DocumentShape } from '../../../src/contract/documents.ts'
import { cast } from '../state/cast.ts'
import {
  differs,
  type Doubtful,
  type Fate,
  type Uploaded,
  type KnownDocument,
  type Model,
  newDocument,
} from '../state/model.ts'
import { unionOf } from './note-scans.ts'
import { assertShown, noteShown } from './note-shown.ts'
import { bothStores } from './note-stores.ts'

/** Notes the answer to a valid file. Throws if the service may not give that answer. */
export function noteTaken(model: Model, file: Uploaded, answer: DocumentShape, fate: Fate): void {
  const firm = model.firms[cast[file.by].firm]
  if (isKeyOfPurged(model, file)) differs('the key of a purged document was taken again')
  const earlier = knownByKey(model, file)
  if (earlier !== undefined) {
    if (!isSameFile(earlier, file)) differs('a used key was taken with another file')
    if (earlier.id !== answer.id) differs(`a repeated key made a second document: ${answer.id} beside ${earlier.id}`)
    // The version that the key belongs to, even if later ones exist.
    assertShown(model, earlier, answer, 1)
    return
  }
  if (firm.documents.some(({ id }) => id === answer.id)) differs(`a new document has an old one’s id ${answer.id}`)
  const doubts = doubtsByKey(model, file)
  if (doubts.some((doubt) => doubt.mustStand && !isSameFile(doubt, file)))
    differs('a used key was taken with another file')
  const same = doubts.filter((doubt) => isSameFile(doubt, file))
  // The name is that of the first upload under the key, if that one was stored.
  const fileName = same.find((doubt) => doubt.fileName === answer.file_name)?.fileName ?? file.fileName
  const document = newDocument(
    { ...file, fileName, moments: spanOf([...same, file]) },
    answer.id,
    fateOf([...same, fate]),
  )
  noteShown(model, document, answer, 1)
  addDocument(model, document)
}

/** 409: the key belongs to another file. */
export function noteConflict(model: Model, file: Uploaded): void {
  if (isKeyOfPurged(model, file)) return
  const earlier = knownByKey(model, file)
  if (earlier !== undefined && !isSameFile(earlier, file)) return
  const doubt = doubtsByKey(model, file).find((each) => !isSameFile(each, file))
  if (earlier !== undefined || doubt === undefined) differs('409, but no other file was uploaded under this key')
  doubt.mustStand = true
}

/** The outcome is unknown. */
export function noteDoubt(model: Model, file: Uploaded, { scans }: Pick<Fate, 'scans'>): void {
  // Nothing new can be stored under a used key.
  if (knownByKey(model, file) !== undefined || isKeyOfPurged(model, file)) return
  model.firms[cast[file.by].firm].doubtful.push({
    ...file,
    stores: bothStores,
    scans,
    mustStand: false,
    mayCome: false,
  })
}

/** Any of several equal files may be the stored one. */
export function spanOf(files: Uploaded[]): Uploaded['moments'] {
  return [Math.min(...files.map(({ moments }) => moments[0])), Math.max(...files.map(({ moments }) => moments[1]))]
}

export function fateOf(fates: Fate[]): Fate {
  const stores = bothStores.filter((store) => fates.some((fate) => fate.stores.includes(store)))
  return { stores, scans: unionOf(fates.map(({ scans }) => scans)) }
}

export function addDocument(model: Model, document: KnownDocument): KnownDocument {
  const firm = model.firms[cast[document.by].firm]
  firm.documents.push(document)
  // A key belongs to one document: no other upload under it was stored.
  if (document.key !== undefined)
    firm.doubtful = firm.doubtful.filter(({ by, key }) => by !== document.by || key !== document.key)
  return document
}

function knownByKey(model: Model, { by, key }: Uploaded): KnownDocument | undefined {
  if (key === undefined) return undefined
  return model.firms[cast[by].firm].documents.find((each) => each.by === by && each.key === key)
}

/** A key still belongs to a document that was destroyed: 409 for every upload under it. */
function isKeyOfPurged(model: Model, { by, key }: Uploaded): boolean {
  return key !== undefined && model.firms[cast[by].firm].purged.some((each) => each.by === by && each.key === key)
}

function doubtsByKey(model: Model, { by, key }: Uploaded): Doubtful[] {
  if (key === undefined) return []
  return model.firms[cast[by].firm].doubtful.filter((each) => each.by === by && each.key === key)
}

/** The parts of a key's fingerprint. */
function isSameFile(a: Uploaded, b: Uploaded): boolean {
  return a.documentType === b.documentType && a.sha256 === b.sha256
}
