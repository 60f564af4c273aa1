import type { AsyncCommand } from 'fast-check'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { callDocuments } from '../../support/documents/call-documents.ts'
import type { Person } from '../../support/people/people.ts'
import { cast, type FirmName, type PersonName } from './cast.ts'
import type { KnownDocument, Model } from './model.ts'
import { markRequests } from './request-marks.ts'
import type { World } from './world.ts'

/** The part of the world that belongs to one history. */
export type Real = {
  world: World
  firms: Record<FirmName, FirmId>
  people: Record<PersonName, Person>
  /** The administrator of the platform. */
  administrator: Person
  /** The operations with their outcomes, in words. */
  story: string[]
  /** Part of the bytes of every file of this history. */
  salt: string
  /** The request id of the current step. */
  mark: string
  /** Issued links and their targets. */
  links: Map<string, { document: KnownDocument; number: number }>
  /** The blobs of all resumable uploads that began. */
  resumableBlobs: Set<string>
}

export type Verb = AsyncCommand<Model, Real>

type Options = {
  words: string
  /** Whether the verb makes sense now. Most verbs need a running service. */
  canRun?: (model: Model) => boolean
  /** Runs the operation, compares the result with the model, and describes it in a few words. */
  run: (model: Model, real: Real) => Promise<string>
}

export function verb({ words, canRun = ({ isServing }) => isServing, run }: Options): Verb {
  return {
    check: canRun,
    async run(model, real) {
      real.story.push(words)
      markRequests(real, String(real.story.length))
      const outcome = await run(model, real)
      real.story.splice(-1, 1, `${words} → ${outcome}`)
    },
    toString: () => words,
  }
}

/** A call to the documents of a firm, by default the person's own. */
export async function callAs(
  { world, firms, people }: Real,
  by: PersonName,
  path: string,
  { firm = cast[by].firm, ...init }: RequestInit & { firm?: FirmName } = {},
): Promise<Response> {
  return callDocuments(world.url, firms[firm], people[by], path, init)
}

/** For example `12 KB`. */
export function sizeInWords(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} KB` : `${Math.round(bytes / 1e5) / 10} MB`
}
