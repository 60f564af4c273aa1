import type { ReviewStatus, ScanStatus, StoreName } from '../../../src/vocabulary/vocabulary.ts'
import { type FirmName, firmNames, type PersonName } from './cast.ts'

/** What S3 does: `down` refuses, `slow` answers late, `cutting` breaks off requests or answers; `returning`: it is up, and the service may not know it yet. */
export type S3State = 'up' | 'returning' | 'down' | 'slow' | 'cutting'

/** What the scanner does; `none`: this world has none. */
export type ScannerState = 'none' | 'up' | 'down' | 'slow' | 'cutting'

/** A file as it was uploaded. */
export type Uploaded = {
  by: PersonName
  documentType: string
  fileName: string
  fileSize: number
  mimeType: string
  sha256: string
  /** The id of the person. */
  uploadedBy: string
  key: string | undefined
  /** Those of one moment were uploaded at once, so that any of them may be the newer. One whose first attempt had no answer may be of either. */
  moments: [earliest: number, latest: number]
}

/** What a version is shown with, beside its document's type. */
export type VersionFile = Pick<Uploaded, 'fileName' | 'fileSize' | 'mimeType' | 'sha256' | 'uploadedBy'>

/** What the service may do with a file that it takes. */
export type Fate = {
  /** Where its bytes may lie. */
  stores: readonly StoreName[]
  /** What may be known of it by the scanner. `note-scans.ts` says what may come of that. */
  scans: readonly ScanStatus[]
}

export type KnownVersion = VersionFile &
  Fate & {
    /** Should it lie on the disk, then for want of S3, and so it goes there by itself, at any moment. */
    drains: boolean
    review: { status: ReviewStatus; reason: string | null }
  }

/** As it was uploaded first, and what became of it. The first of its versions is number 1. `isOld`: its days in the trash are over. */
export type KnownDocument = Uploaded & { id: string; versions: KnownVersion[]; isInTrash: boolean; isOld: boolean }

/** Its answer was lost, or was a 503: it stands or it does not, and the next look decides. */
export type Doubtful = Uploaded & Fate & { mustStand: boolean }

type Firm = { documents: KnownDocument[]; doubtful: Doubtful[]; purged: KnownDocument[] }

/** What the service is held against: the whole of what it promises about documents, without how. */
export type Model = {
  firms: Record<FirmName, Firm>
  s3: S3State
  scanner: ScannerState
  /** The hashes of files in which the scanner finds something, by what it knows now. */
  viruses: Set<string>
  isServing: boolean
  /** Whether a migration to the disk was begun: what it moved there stays, and what was there before it does not. */
  isMigratedToLocal: boolean
  moment: number
}

const newFirm = () => ({ documents: [], doubtful: [], purged: [] })

export const newModel = (scanner: ScannerState): Model => ({
  firms: { Umkhonto: newFirm(), Ubuntu: newFirm() },
  s3: 'up',
  scanner,
  viruses: new Set(),
  isServing: true,
  isMigratedToLocal: false,
  moment: 0,
})

/** The service broke a rule of the model. The history is printed above this error. */
export function differs(what: string): never {
  throw new Error(what)
}

export function newDocument(file: Uploaded, id: string, fate: Fate): KnownDocument {
  return { ...file, id, versions: [newVersion(file, fate)], isInTrash: false, isOld: false }
}

export function newVersion(file: VersionFile, { stores, scans }: Fate): KnownVersion {
  const { fileName, fileSize, mimeType, sha256, uploadedBy } = file
  const review = { status: 'pending' as const, reason: null }
  return { fileName, fileSize, mimeType, sha256, uploadedBy, stores, scans, drains: true, review }
}

export const versionsOf = (model: Model, firmName: FirmName): KnownVersion[] =>
  model.firms[firmName].documents.flatMap(({ versions }) => versions)

export const allVersions = (model: Model): KnownVersion[] => firmNames.flatMap((name) => versionsOf(model, name))

/** A version of a document by its number; without one, the newest. */
export function versionOf(document: KnownDocument, number: number = document.versions.length): KnownVersion {
  return document.versions[number - 1] ?? differs(`${nameOf(document)} has no version ${number}`)
}

export function nameOf({ documentType, fileName, by }: Uploaded): string {
  return `${by}’s ${documentType} “${fileName}”`
}
