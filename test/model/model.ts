import type { DocumentShape } from '../../src/contract.ts'
import type { FirmRole, ReviewStatus, StoreName } from '../../src/vocabulary.ts'

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

/** What a version is shown with, beside its document's type. */
export type VersionFile = Pick<HandedIn, 'fileName' | 'fileSize' | 'mimeType' | 'sha256' | 'uploadedBy'>

export type KnownVersion = VersionFile & {
  /** Where its bytes may lie. */
  stores: readonly StoreName[]
  /** Should it lie on the disk, then for want of S3, and so it goes there by itself, at any moment. */
  drains: boolean
  review: { status: ReviewStatus; reason: string | null }
}

/** As it was handed in first, and what became of it. The first of its versions is number 1. `isOld`: its days in the trash are over. */
export type KnownDocument = HandedIn & { id: string; versions: KnownVersion[]; isInTrash: boolean; isOld: boolean }

/** Its answer was lost, or was a 503: it stands or it does not, and the next look decides. */
export type Doubtful = HandedIn & { mustStand: boolean }

/** What the service is held against: the whole of what it promises about documents, without how. */
export type Model = {
  firms: Record<FirmName, { documents: KnownDocument[]; doubtful: Doubtful[]; purged: KnownDocument[] }>
  s3: S3State
  isServing: boolean
  /** Whether a migration to the disk was begun: what it moved there stays, and what was there before it does not. */
  isMigratedToLocal: boolean
  moment: number
}

const newFirm = () => ({ documents: [], doubtful: [], purged: [] })

export const newModel = (): Model => ({
  firms: { Umkhonto: newFirm(), Ubuntu: newFirm() },
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
  if (isKeyOfPurged(model, file)) differs('the key of a purged document was taken again')
  const earlier = knownByKey(model, file)
  if (earlier !== undefined) {
    if (!isSameFile(earlier, file)) differs('a used key was taken with another file')
    if (earlier.id !== answer.id) differs(`a repeated key made a second document: ${answer.id} beside ${earlier.id}`)
    // The version that the key stands for, whatever came after it.
    assertShown(earlier, answer, 1)
    return
  }
  if (firm.documents.some(({ id }) => id === answer.id)) differs(`a new document has an old one’s id ${answer.id}`)
  const doubts = doubtsByKey(model, file)
  if (doubts.some((doubt) => doubt.mustStand && !isSameFile(doubt, file)))
    differs('a used key was taken with another file')
  const same = doubts.filter((doubt) => isSameFile(doubt, file))
  const mayLie = same.length === 0 ? stores : bothStores
  // The name is the first one's, should that one stand.
  const fileName = same.find((doubt) => doubt.fileName === answer.file_name)?.fileName ?? file.fileName
  const document = newDocument({ ...file, fileName, moments: spanOf([...same, file]) }, answer.id, mayLie)
  noteShown(document, answer, 1)
  addDocument(firm, document)
}

/** 409: the key stands for another file. */
export function noteConflict(model: Model, file: HandedIn): void {
  if (isKeyOfPurged(model, file)) return
  const earlier = knownByKey(model, file)
  if (earlier !== undefined && !isSameFile(earlier, file)) return
  const doubt = doubtsByKey(model, file).find((each) => !isSameFile(each, file))
  if (earlier !== undefined || doubt === undefined) differs('409, but no other file was handed in under this key')
  doubt.mustStand = true
}

/** Nobody knows whether it was taken. */
export function noteDoubt(model: Model, file: HandedIn): void {
  // Under a used key nothing new can come to be.
  if (knownByKey(model, file) !== undefined || isKeyOfPurged(model, file)) return
  model.firms[cast[file.by].firm].doubtful.push({ ...file, mustStand: false })
}

/** Of one type or of all; with or without the trash. */
export type Asked = { documentType?: string | undefined; withTrash?: boolean }

/** A complete list: it decides what was in doubt, and must otherwise be what is known. */
export function noteList(model: Model, firmName: FirmName, seen: DocumentShape[], asked: Asked = {}): void {
  const firm = model.firms[firmName]
  const listed = seen.map((shape) => noteSeen(firm, shape))

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
  firm.doubtful = firm.doubtful.filter((doubt) => !isAskedFor(doubt, asked))
}

function isAskedFor(
  { documentType, isInTrash = false }: HandedIn & { isInTrash?: boolean },
  { documentType: wanted = documentType, withTrash = false }: Asked,
): boolean {
  return documentType === wanted && (withTrash || !isInTrash)
}

/** One document as the service shows it: one that is known, or one that was in doubt and is so no more. */
export function noteSeen(firm: Model['firms'][FirmName], shape: DocumentShape): KnownDocument {
  const known = firm.documents.find(({ id }) => id === shape.id)
  if (known !== undefined) {
    noteShown(known, shape)
    return known
  }
  const doubts = firm.doubtful.filter((each) => isFirstVersion(each, shape))
  const [doubt] = doubts
  if (doubt === undefined) return differs(`a document that nobody handed in: ${JSON.stringify(shape)}`)
  const document = newDocument({ ...doubt, moments: spanOf(doubts) }, shape.id, bothStores)
  firm.doubtful.splice(firm.doubtful.indexOf(doubt), 1)
  noteShown(document, shape)
  return addDocument(firm, document)
}

/** A migration of a firm’s documents runs: any of them may be moved at any moment. */
export function noteMoving(model: Model, firmName: FirmName): void {
  for (const version of versionsOf(model, firmName)) version.stores = bothStores
}

/** A migration of a firm’s documents ended: whole, or so that any of them may have been moved or not. */
export function noteMigration(model: Model, firmName: FirmName, to: StoreName, isWhole: boolean): void {
  if (to === 'local') model.isMigratedToLocal = true
  for (const version of versionsOf(model, firmName)) {
    // What waits on the disk for S3 goes there by itself, before, while or after everything is moved the other way.
    const isOpen = !isWhole || (to === 'local' && version.drains && version.stores.includes('local'))
    if (!isOpen) Object.assign(version, { stores: [to], drains: false })
    else version.stores = bothStores
  }
}

/** All that waited on the disk for S3 is there now. */
export function noteDrained(model: Model): void {
  for (const version of firmNames.flatMap((name) => versionsOf(model, name)))
    // Where a migration to the disk was in between, nobody can say of what lies there that it waits.
    if (version.drains && !model.isMigratedToLocal) Object.assign(version, { stores: ['s3'], drains: false })
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

function newDocument(file: HandedIn, id: string, stores: readonly StoreName[]): KnownDocument {
  return { ...file, id, versions: [newVersion(file, stores)], isInTrash: false, isOld: false }
}

export function newVersion(file: VersionFile, stores: readonly StoreName[]): KnownVersion {
  const { fileName, fileSize, mimeType, sha256, uploadedBy } = file
  const review = { status: 'pending' as const, reason: null }
  return { fileName, fileSize, mimeType, sha256, uploadedBy, stores, drains: true, review }
}

export const versionsOf = (model: Model, firmName: FirmName): KnownVersion[] =>
  model.firms[firmName].documents.flatMap(({ versions }) => versions)

/** A version of a document by its number; without one, the newest. */
export function versionOf(document: KnownDocument, number: number = document.versions.length): KnownVersion {
  return document.versions[number - 1] ?? differs(`${nameOf(document)} has no version ${number}`)
}

/** A version as the service shows it: it must be as it is known, and then it is known where it lies. */
export function noteShown(document: KnownDocument, shape: DocumentShape, number?: number): void {
  assertShown(document, shape, number)
  const version = versionOf(document, number)
  version.drains &&= shape.storage === 'local'
  version.stores = version.drains ? bothStores : [shape.storage]
}

function assertShown(document: KnownDocument, shape: DocumentShape, number = document.versions.length): void {
  const version = versionOf(document, number)
  const oddity = findOddity({ ...document, ...version, number }, shape)
  if (oddity !== undefined) differs(`${nameOf(document)} has another ${oddity}: ${JSON.stringify(shape)}`)
  if (!version.stores.includes(shape.storage))
    differs(`${nameOf(document)} lies on ${shape.storage}, which cannot be: it is on ${version.stores.join(' or ')}`)
}

type Shown = VersionFile &
  Pick<KnownDocument, 'documentType' | 'isInTrash'> & { number: number } & Pick<KnownVersion, 'review'>

function findOddity(shown: Shown, shape: DocumentShape): string | undefined {
  const { status, reason } = shown.review
  const fields = {
    type: shape.document_type === shown.documentType,
    name: shape.file_name === shown.fileName,
    size: shape.file_size === shown.fileSize,
    'media type': shape.mime_type === shown.mimeType,
    hash: shape.sha256 === shown.sha256,
    person: shape.uploaded_by === shown.uploadedBy,
    number: shape.version === shown.number,
    review:
      shape.review_status === status && shape.review_reason === reason && shape.is_verified === (status === 'verified'),
    trash: (shape.deleted_at !== null) === shown.isInTrash,
    scan: shape.scan_status === 'skipped',
  }
  return Object.entries(fields).find(([, isRight]) => !isRight)?.[0]
}

function isFirstVersion(file: HandedIn, shape: DocumentShape): boolean {
  const fresh = { number: 1, isInTrash: false, review: { status: 'pending', reason: null } } as const
  return findOddity({ ...file, ...fresh }, shape) === undefined
}

function knownByKey(model: Model, { by, key }: HandedIn): KnownDocument | undefined {
  if (key === undefined) return undefined
  return model.firms[cast[by].firm].documents.find((each) => each.by === by && each.key === key)
}

/** A key goes on standing for a document that is no more: 409, whatever is handed in under it. */
function isKeyOfPurged(model: Model, { by, key }: HandedIn): boolean {
  return key !== undefined && model.firms[cast[by].firm].purged.some((each) => each.by === by && each.key === key)
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
