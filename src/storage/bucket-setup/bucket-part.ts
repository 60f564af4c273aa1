import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3'

import type { S3Config } from '../../config/config.ts'
import { type ResponseFacts, testKey, testText } from '../s3/diagnosis/connection-step.ts'
import { s3FailureOf } from '../s3/requests/s3-errors.ts'
import { type BucketChoices, type PartName, setupRights } from './bucket-rules.ts'

export type BucketContext = {
  client: S3Client
  config: S3Config
  seen: ResponseFacts
  /** Ends what only looks. What changes the bucket is finished, or taken back. */
  signal: AbortSignal
}

/** What somebody else has there. `breaks`: with it the bucket is not what it should be, whatever is set beside it. */
export type Objection = { isSerious: boolean; message: string }

/** How a part is when the store cannot have all of it. */
type Weaker = { wanted: Items; message: string }

/** One part of how a bucket is set up. `Held`: the whole of it as the store has it, with what is somebody else's. */
export type PartDefinition<Held> = {
  part: PartName
  title: string
  /** Undefined: there is none, as in a new bucket. */
  read(context: BucketContext): Promise<Held | undefined>
  /** What of it is this command's, each item by a name that people know it by. */
  ours(held: Held | undefined): Items
  /** Throws a `Refused` where it cannot be had beside what is there. */
  wanted(context: { choices: BucketChoices; held: Held | undefined; context: BucketContext }): Items
  /** Throws a `Refused` where another part of the bucket makes it useless, also where nothing is to be changed. */
  requireCompatible?(context: BucketContext, choices: BucketChoices, wanted: Items): Promise<void>
  /** The whole with what is ours replaced; undefined: nothing is left. */
  merge(held: Held | undefined, items: Items): Held | undefined
  write(context: BucketContext, held: Held): Promise<unknown>
  clear(context: BucketContext): Promise<unknown>
  objections?(held: Held | undefined, wanted: Items): Objection[]
  /** Whether it is in nobody's way, tried without changing the bucket, or on one object of our own. */
  dryRun?(context: BucketContext, wanted: Items, held: Held | undefined): Promise<void>
  weaker?(wanted: Items): Weaker
  /** Whether somebody asked for just this, so that a store without it fails. */
  isRequested: (choices: BucketChoices) => boolean
  /** What else is to be done by somebody, once it was set. */
  reminder?(choices: BucketChoices): string | undefined
}

/** It cannot be had beside what is there; the message says why and what to do. */
export class CannotApply extends Error {
  override readonly name = 'Refused'
}

/** A call to S3 that failed, and the right that it takes. */
export class CallFailed extends Error {
  override readonly name: string = 'CallFailed'
  readonly right: string

  constructor(right: string, cause: unknown) {
    super(`A call that takes ${right} failed.`, { cause })
    this.right = right
  }
}

/** The bucket does not take, give back or let go of what the service sends. */
export class ProbeFailed extends CallFailed {
  override readonly name = 'NotProved'
}

/** Nor could what was set be put back as it was: S3 has it still. */
export class RollbackFailed extends CallFailed {
  override readonly name = 'NotTakenBack'
}

export async function withRight<Answer>(
  right: string,
  call: () => Promise<Answer>,
  Failure: typeof CallFailed = CallFailed,
): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    throw error instanceof CallFailed ? error : new Failure(right, error)
  }
}

/** Puts a part as it is to be; `undefined` takes it away. What S3 refuses is thrown with the right that it takes. */
export function putPart<Held>(
  definition: PartDefinition<Held>,
  context: BucketContext,
  held: Held | undefined,
  Failure?: typeof RollbackFailed,
): Promise<unknown> {
  const { write, clear } = setupRights[definition.part]
  if (held === undefined) return withRight(clear, () => definition.clear(context), Failure)
  return withRight(write, () => definition.write(context, held), Failure)
}

/** Puts, gets and removes one object as the service does with papers. Throws a `NotProved` with what S3 said. */
export async function probeBucket(
  { client, config }: BucketContext,
  more: Partial<PutObjectCommandInput> = {},
): Promise<void> {
  const place = { Bucket: config.bucket, Key: testKey }
  await proving('s3:PutObject', () => client.send(new PutObjectCommand({ ...place, ...asPapersAre, ...more })))
  try {
    await proving('s3:GetObject', async () => {
      const { Body: body } = await client.send(new GetObjectCommand(place))
      if ((await body?.transformToString()) !== testText) throw new Error('what came back is not what was put')
    })
  } finally {
    await proving('s3:DeleteObject', () => client.send(new DeleteObjectCommand(place)))
  }
}

const asPapersAre = {
  Body: testText,
  ContentType: 'text/plain',
  CacheControl: 'private, no-store',
  StorageClass: 'STANDARD',
  Metadata: { 'original-filename': 'connection_test.txt' },
} as const

function proving(right: string, call: () => Promise<unknown>): Promise<unknown> {
  return withRight(right, call, ProbeFailed)
}

/** Parts of a setting by name, as JSON. */
export type Items = Record<string, unknown>

/** `from` undefined: it is new; `to` undefined: it goes. */
export type Change = { item: string; from: unknown; to: unknown }

export function compareItems(present: Items, wanted: Items): Change[] {
  const names = new Set([...Object.keys(present), ...Object.keys(wanted)])
  return [...names].flatMap((item) => {
    const [from, to] = [present[item], wanted[item]]
    return isSame(from, to) ? [] : [{ item, from, to }]
  })
}

/** Whether two values say the same as JSON, in whatever order of names. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(inOrderOfNames(one)) === JSON.stringify(inOrderOfNames(other))
}

function inOrderOfNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrderOfNames)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, inOrderOfNames(each)]))
}

/** Undefined where S3 answers with this code, which says that there is none of what was asked for. */
export async function undefinedOn<Answer>(s3Code: string, answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (s3FailureOf(error).s3Code === s3Code) return undefined
    throw error
  }
}
