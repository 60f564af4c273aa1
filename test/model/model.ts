import type { DocumentShape } from '../../src/contract.ts'
import type { FirmRole, StoreName } from '../../src/vocabulary.ts'

/** Who there is in every history: two firms, and in each a person of much and one of little say. */
export const cast = {
  Thandi: { firm: 'Umkhonto', role: 'firm_admin' },
  Sipho: { firm: 'Umkhonto', role: 'field_staff' },
  Naledi: { firm: 'Ubuntu', role: 'firm_admin' },
  Pieter: { firm: 'Ubuntu', role: 'firm_user' },
} as const satisfies Record<string, { firm: string; role: FirmRole }>

export type PersonName = keyof typeof cast
export type FirmName = (typeof cast)[PersonName]['firm']
export const firmNames = ['Umkhonto', 'Ubuntu'] as const satisfies FirmName[]

/** What S3 does: `down` refuses, `slow` answers late, `cutting` breaks off requests or answers; `returning`: it is up, and the service may not know it yet. */
export type S3State = 'up' | 'returning' | 'down' | 'slow' | 'cutting'

/** A file as it was handed in. */
export type HandedIn = {
  by: PersonName
  documentType: string
  fileName: string
  fileSize: number
  mimeType: string
  sha256: string
  /** The id of the person. */
  uploadedBy: string
  key: string | undefined
  /** Those of one moment were handed in at once, so that any of them may be the newer. One whose first attempt had no answer may be of either. */
  moments: [earliest: number, latest: number]
}

export type KnownDocument = HandedIn & {
  id: string
  /** Where its bytes may lie. */
  stores: readonly StoreName[]
  /** Should it lie on the disk, then for want of S3, and so it goes there by itself, at any moment. */
  drains: boolean
}

/** Its answer was lost, or was a 503: it stands or it does not, and the next look decides. */
export type Doubtful = HandedIn & { mustStand: boolean }

/** What the service is held against: the whole of what it promises about documents, without how. */
export type Model = {
  firms: Record<FirmName, { documents: KnownDocument[]; doubtful: Doubtful[] }>
  s3: S3State
  isServing: boolean
  /** Whether a migration to the disk was begun: what it moved there stays, and what was there before it does not. */
  isMigratedToLocal: boolean
  moment: number
}

export const newModel = (): Model => ({
  firms: { Umkhonto: { documents: [], doubtful: [] }, Ubuntu: { documents: [], doubtful: [] } },
  s3: 'up',
  isServing: true,
  isMigratedToLocal: false,
  moment: 0,
})

/** The service did what it must not. Whoever reads it sees the history above it. */
export function differs(what: string): never {
  throw new Error(what)
}

/** Where a file that is taken now may go. */
export function storesOfNewFile(s3: S3State): readonly StoreName[] {
  if (s3 === 'up') return ['s3']
  return s3 === 'down' ? ['local'] : ['s3', 'local']
}

/** What an answer to a sound file means; throws when it is not one that the service may give. */
export function noteTaken(model: Model, file: HandedIn, answer: DocumentShape, stores: readonly StoreName[]): void {
  const firm = model.firms[cast[file.by].firm]
  const earlier = knownByKey(model, file)
  if (earlier !== undefined) {
    if (!isSameFile(earlier, file)) differs('a used key was taken with another file')
    if (earlier.id !== answer.id) differs(`a repeated key made a second document: ${answer.id} beside ${earlier.id}`)
    assertDocument(earlier, answer)
    return
  }
  if (firm.documents.some(({ id }) => id === answer.id)) differs(`a new document has an old one’s id ${answer.id}`)
  const doubts = doubtsByKey(model, file)
  if (doubts.some((doubt) => doubt.mustStand && !isSameFile(doubt, file)))
    differs('a used key was taken with another file')
  const same = doubts.filter((doubt) => isSameFile(doubt, file))
  const mayLie = same.length === 0 ? stores : bothStores
  const document = { ...file, moments: spanOf([...same, file]), id: answer.id, stores: mayLie, drains: true }
  // The name is the first one's, should that one stand.
  document.fileName = same.find(({ fileName }) => fileName === answer.file_name)?.fileName ?? file.fileName
  assertDocument(document, answer)
  addDocument(firm, afterLook(document, answer))
}

/** 409: the key stands for another file. */
export function noteConflict(model: Model, file: HandedIn): void {
  const earlier = knownByKey(model, file)
  if (earlier !== undefined && !isSameFile(earlier, file)) return
  const doubt = doubtsByKey(model, file).find((each) => !isSameFile(each, file))
  if (earlier !== undefined || doubt === undefined) differs('409, but no other file was handed in under this key')
  doubt.mustStand = true
}

/** Nobody knows whether it was taken. */
export function noteDoubt(model: Model, file: HandedIn): void {
  // Under a used key nothing new can come to be.
  if (knownByKey(model, file) !== undefined) return
  model.firms[cast[file.by].firm].doubtful.push({ ...file, mustStand: false })
}

/** A complete list, of one type or of all: it decides what was in doubt, and must otherwise be what is known. */
export function noteList(model: Model, firmName: FirmName, seen: DocumentShape[], documentType?: string): void {
  const firm = model.firms[firmName]
  const isAskedFor = (file: HandedIn) => documentType === undefined || file.documentType === documentType
  const listed = seen.map((shape) => noteSeen(firm, shape))

  for (const document of firm.documents.filter(isAskedFor))
    if (listed.filter((each) => each === document).length !== 1) differs(`${nameOf(document)} is not listed once`)
  for (const document of listed) if (!isAskedFor(document)) differs(`${nameOf(document)} is of another type`)
  for (const [index, document] of listed.entries()) {
    const newer = listed[index - 1]
    if (newer !== undefined && newer.moments[1] < document.moments[0])
      differs(`${nameOf(document)} is newer than ${nameOf(newer)}, and listed after it`)
  }
  const missing = firm.doubtful.find((doubt) => doubt.mustStand && isAskedFor(doubt))
  if (missing !== undefined) differs(`${missing.fileName} must stand, since its key does, and is not listed`)
  firm.doubtful = firm.doubtful.filter((doubt) => !isAskedFor(doubt))
}

/** One document as the service shows it: one that is known, or one that was in doubt and is so no more. */
export function noteSeen(firm: Model['firms'][FirmName], shape: DocumentShape): KnownDocument {
  const known = firm.documents.find(({ id }) => id === shape.id)
  if (known !== undefined) {
    assertDocument(known, shape)
    return Object.assign(known, afterLook(known, shape))
  }
  const doubts = firm.doubtful.filter((each) => findOddity(each, shape) === undefined)
  const [doubt] = doubts
  if (doubt === undefined) return differs(`a document that nobody handed in: ${JSON.stringify(shape)}`)
  const document = { ...doubt, id: shape.id, moments: spanOf(doubts), stores: bothStores, drains: true }
  firm.doubtful.splice(firm.doubtful.indexOf(doubt), 1)
  return addDocument(firm, afterLook(document, shape))
}

/** A migration of a firm’s documents runs: any of them may be moved at any moment. */
export function noteMoving(model: Model, firmName: FirmName): void {
  for (const document of model.firms[firmName].documents) document.stores = bothStores
}

/** A migration of a firm’s documents ended: whole, or so that any of them may have been moved or not. */
export function noteMigration(model: Model, firmName: FirmName, to: StoreName, isWhole: boolean): void {
  if (to === 'local') model.isMigratedToLocal = true
  for (const document of model.firms[firmName].documents) {
    // What waits on the disk for S3 goes there by itself, before, while or after everything is moved the other way.
    const isOpen = !isWhole || (to === 'local' && document.drains && document.stores.includes('local'))
    if (!isOpen) Object.assign(document, { stores: [to], drains: false })
    else document.stores = bothStores
  }
}

/** All that waited on the disk for S3 is there now. */
export function noteDrained(model: Model): void {
  for (const document of firmNames.flatMap((name) => model.firms[name].documents))
    // Where a migration to the disk was in between, nobody can say of what lies there that it waits.
    if (document.drains && !model.isMigratedToLocal) Object.assign(document, { stores: ['s3'], drains: false })
}

/** Where it lies now, and where it may be the next time. */
function afterLook(document: KnownDocument, { storage }: DocumentShape): KnownDocument {
  const drains = document.drains && storage === 'local'
  return { ...document, drains, stores: drains ? bothStores : [storage] }
}

/** Any of several equal files may be the one that stands. */
function spanOf(files: HandedIn[]): HandedIn['moments'] {
  return [Math.min(...files.map(({ moments }) => moments[0])), Math.max(...files.map(({ moments }) => moments[1]))]
}

const bothStores = ['s3', 'local'] as const

function addDocument(firm: Model['firms'][FirmName], document: KnownDocument): KnownDocument {
  firm.documents.push(document)
  // A key stands for one document: what else was tried under it does not stand.
  if (document.key !== undefined)
    firm.doubtful = firm.doubtful.filter(({ by, key }) => by !== document.by || key !== document.key)
  return document
}

function assertDocument(document: KnownDocument, shape: DocumentShape): void {
  const oddity = findOddity(document, shape)
  if (oddity !== undefined) differs(`${nameOf(document)} has another ${oddity}: ${JSON.stringify(shape)}`)
  if (!document.stores.includes(shape.storage))
    differs(`${nameOf(document)} lies on ${shape.storage}, which cannot be: it is on ${document.stores.join(' or ')}`)
}

function findOddity(file: HandedIn, shape: DocumentShape): string | undefined {
  const fields = {
    type: shape.document_type === file.documentType,
    name: shape.file_name === file.fileName,
    size: shape.file_size === file.fileSize,
    'media type': shape.mime_type === file.mimeType,
    hash: shape.sha256 === file.sha256,
    person: shape.uploaded_by === file.uploadedBy,
    version: shape.version === 1,
    state: shape.review_status === 'pending' && shape.deleted_at === null && shape.scan_status === 'skipped',
  }
  return Object.entries(fields).find(([, isRight]) => !isRight)?.[0]
}

function knownByKey(model: Model, { by, key }: HandedIn): KnownDocument | undefined {
  if (key === undefined) return undefined
  return model.firms[cast[by].firm].documents.find((each) => each.by === by && each.key === key)
}

function doubtsByKey(model: Model, { by, key }: HandedIn): Doubtful[] {
  if (key === undefined) return []
  return model.firms[cast[by].firm].doubtful.filter((each) => each.by === by && each.key === key)
}

/** What a key's fingerprint is made of. */
function isSameFile(a: HandedIn, b: HandedIn): boolean {
  return a.documentType === b.documentType && a.sha256 === b.sha256
}

export function nameOf({ documentType, fileName, by }: HandedIn): string {
  return `${by}’s ${documentType} “${fileName}”`
}
