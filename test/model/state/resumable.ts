import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import type { FirmName, PersonName } from './cast.ts'
import { cast } from './cast.ts'
import type { Format } from './formats.ts'
import { type Doubtful, differs, type Model, type Uploaded } from './model.ts'

/** A reason to reject a file that its client declares wrongly. */
export const defects = ['none', 'another hash', 'another format'] as const
export type Defect = (typeof defects)[number]

/** What a client sends in pieces. */
export type ResumableWish = {
  by: PersonName
  documentType: string
  format: Format
  bytes: number
  seed: number
  key: string | undefined
  defect: Defect
}

/** A resumable upload that its client knows. */
export type Resumable = {
  wish: ResumableWish
  file: Uploaded
  content: Buffer
  address: string
  /** The possible stores of its bytes. It stays where it began. */
  stores: readonly StoreName[]
  /** It has at least and at most so many durable bytes. With all of them it may end at any moment. */
  range: [least: number, most: number]
  end: { kind: 'document'; id: string } | { kind: 'rejected'; status: number } | undefined
  /** Whether it has expired, was terminated, or was deleted because its person lost the right. */
  isGone: 'no' | 'maybe' | 'surely'
  /** The document that it may become at any moment, from this moment on. */
  doubt: Doubtful | undefined
  mayEndSince: number | undefined
}

export const firmOf = ({ file }: Resumable): FirmName => cast[file.by].firm

/** Whether all bytes may be there, and no answer has shown the end yet. */
export function mayEnd({ range, file, end }: Resumable): boolean {
  return end === undefined && range[1] === file.fileSize
}

export function hasResumable(firm: FirmName) {
  return ({ isServing, firms }: Model) => isServing && firms[firm].resumable.length > 0
}

export function pickResumable({ firms }: Model, firm: FirmName, which: number): Resumable {
  const { resumable } = firms[firm]
  return resumable[which % resumable.length] ?? differs('there is no resumable upload to pick')
}
