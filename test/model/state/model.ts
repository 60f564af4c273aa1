import type { ReviewStatus, ScanStatus, StoreName } from '../../../src/vocabulary/vocabulary.ts'
import { type FirmName, firmNames, type PersonName } from './cast.ts'
import type { Resumable } from './resumable.ts'

/**
 * The behaviour of S3. `down`: rejects connections; `slow`: answers late; `cutting`: breaks requests or answers;
 * `returning`: works, but the service may not know it yet.
 */
export type S3State = 'up' | 'returning' | 'down' | 'slow' | 'cutting'

/** The behaviour of the scanner; `none`: this world has none. */
export type ScannerState = 'none' | 'up' | 'down' | 'slow' | 'cutting'

/** An uploaded file. */
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
  /**
   * Files of one moment were uploaded at once, so any of them may be the newer one. A file whose first attempt had no
   * answer may be of either moment.
   */
  moments: [earliest: number, latest: number]
}

/** The fields of a version besides its document's type. */
export type VersionFile = Pick<Uploaded, 'fileName' | 'fileSize' | 'mimeType' | 'sha256' | 'uploadedBy'>

/** The possible effects of an accepted file. */
export type Fate = {
  /** The possible stores of its bytes. */
  stores: readonly StoreName[]
  /** The possible scan statuses. `note-scans.ts` defines their changes. */
  scans: readonly ScanStatus[]
}

export type KnownVersion = VersionFile &
  Fate & {
    /** If it is on the disk, then as a fallback file, which moves to S3 by itself at any moment. */
    drains: boolean
    review: { status: ReviewStatus; reason: string | null }
  }

/**
 * A document as it was first uploaded, with its changes. Its first version is number 1. `isOld`: its days in the trash
 * are over.
 */
export type KnownDocument = Uploaded & { id: string; versions: KnownVersion[]; isInTrash: boolean; isOld: boolean }

/**
 * The answer was lost or was 503: the upload is stored or not, and the next read decides. `mayCome`: a later read decides,
 * because the service may finish a resumable upload at any moment.
 */
export type Doubtful = Uploaded & Fate & { mustStand: boolean; mayCome: boolean }

type Firm = {
  documents: KnownDocument[]
  doubtful: Doubtful[]
  purged: KnownDocument[]
  /** The resumable uploads that their clients know. */
  resumable: Resumable[]
}

/** The model that the service is compared with: all that it promises about documents. */
export type Model = {
  firms: Record<FirmName, Firm>
  s3: S3State
  scanner: ScannerState
  /** The hashes of files that the scanner detects with its current signatures. */
  viruses: Set<string>
  isServing: boolean
  /** Whether a migration to the disk has begun: files that it moved stay, and earlier fallback files do not. */
  isMigratedToLocal: boolean
  moment: number
}

const newFirm = () => ({ documents: [], doubtful: [], purged: [], resumable: [] })

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

/** A version of a document by its number; without a number, the newest. */
export function versionOf(document: KnownDocument, number: number = document.versions.length): KnownVersion {
  return document.versions[number - 1] ?? differs(`${nameOf(document)} has no version ${number}`)
}

/** The number of the version in force: the newest verified one. */
export function inForceOf({ versions }: Pick<KnownDocument, 'versions'>): number | null {
  return versions.findLastIndex(({ review }) => review.status === 'verified') + 1 || null
}

export function nameOf({ documentType, fileName, by }: Uploaded): string {
  return `${by}’s ${documentType} “${fileName}”`
}
