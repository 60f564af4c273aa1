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
  /** Aborts reads only. A change of the bucket is completed or rolled back. */
  signal: AbortSignal
}

/** A problem with a setting that this command does not own. `isSerious`: the bucket is not safe with it. */
export type Objection = { isSerious: boolean; message: string }

/** A weaker setting for a store that does not support all of it. */
type Weaker = { wanted: Items; message: string }

/** One part of the bucket's set-up. `Held`: the complete current setting, including items that this command does not own. */
export type PartDefinition<Held> = {
  part: PartName
  title: string
  /** Undefined when there is no setting, as in a new bucket. */
  read(context: BucketContext): Promise<Held | undefined>
  /** The items that this command owns, by a name for people. */
  ours(held: Held | undefined): Items
  /** Throws `CannotApply` on a conflict with the current setting. */
  wanted(context: { choices: BucketChoices; held: Held | undefined; context: BucketContext }): Items
  /** Throws `CannotApply` when another part makes this one useless, even if nothing is to be changed. */
  requireCompatible?(context: BucketContext, choices: BucketChoices, wanted: Items): Promise<void>
  /** The current setting with our items replaced. Undefined: nothing is left. */
  merge(held: Held | undefined, items: Items): Held | undefined
  write(context: BucketContext, held: Held): Promise<unknown>
  clear(context: BucketContext): Promise<unknown>
  objections?(held: Held | undefined, wanted: Items): Objection[]
  /** Tests the setting without changing the bucket, or on the test object only. */
  dryRun?(context: BucketContext, wanted: Items, held: Held | undefined): Promise<void>
  weaker?(wanted: Items): Weaker
  /** Whether an option requests this part, so that a store without it is a failure. */
  isRequested: (choices: BucketChoices) => boolean
  /** What the operator has to do after it was set. */
  reminder?(choices: BucketChoices): string | undefined
}

/** The part conflicts with the current settings. The message says why and what to do. */
export class CannotApply extends Error {
  override readonly name = 'CannotApply'
}

/** A failed call to S3, with the right that the call needs. */
export class CallFailed extends Error {
  override readonly name: string = 'CallFailed'
  readonly right: string

  constructor(right: string, cause: unknown) {
    super(`a call that needs ${right} failed`, { cause })
    this.right = right
  }
}

/** The bucket failed the probe: it does not accept, return or delete an object. */
export class ProbeFailed extends CallFailed {
  override readonly name = 'ProbeFailed'
}

/** The change could not be rolled back and is still in place. */
export class RollbackFailed extends CallFailed {
  override readonly name = 'RollbackFailed'
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

/** Writes a part, or clears it when `held` is undefined. A failure carries the right that the call needs. */
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

/** Puts, gets and deletes one object as the service does with documents. Throws `ProbeFailed` with the error of S3. */
export async function probeBucket(
  { client, config }: BucketContext,
  more: Partial<PutObjectCommandInput> = {},
): Promise<void> {
  const place = { Bucket: config.bucket, Key: testKey }
  await probing('s3:PutObject', () => client.send(new PutObjectCommand({ ...place, ...likeDocuments, ...more })))
  try {
    await probing('s3:GetObject', async () => {
      const { Body: body } = await client.send(new GetObjectCommand(place))
      if ((await body?.transformToString()) !== testText) throw new Error('the object came back with another content')
    })
  } finally {
    await probing('s3:DeleteObject', () => client.send(new DeleteObjectCommand(place)))
  }
}

const likeDocuments = {
  Body: testText,
  ContentType: 'text/plain',
  CacheControl: 'private, no-store',
  StorageClass: 'STANDARD',
  Metadata: { 'original-filename': 'connection_test.txt' },
} as const

function probing(right: string, call: () => Promise<unknown>): Promise<unknown> {
  return withRight(right, call, ProbeFailed)
}

/** The items of a setting by name, as JSON. */
export type Items = Record<string, unknown>

/** `from` undefined: the item is new. `to` undefined: it is removed. */
export type Change = { item: string; from: unknown; to: unknown }

export function compareItems(present: Items, wanted: Items): Change[] {
  const names = new Set([...Object.keys(present), ...Object.keys(wanted)])
  return [...names].flatMap((item) => {
    const [from, to] = [present[item], wanted[item]]
    return isSame(from, to) ? [] : [{ item, from, to }]
  })
}

/** Whether two values are equal as JSON, in any order of names. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(inOrderOfNames(one)) === JSON.stringify(inOrderOfNames(other))
}

function inOrderOfNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrderOfNames)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, inOrderOfNames(each)]))
}

/** Undefined when S3 answers with this code, which means that there is no such setting. */
export async function undefinedOn<Answer>(s3Code: string, answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (s3FailureOf(error).s3Code === s3Code) return undefined
    throw error
  }
}
