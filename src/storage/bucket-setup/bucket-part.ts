import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { isDeepStrictEqual } from 'node:util'

import type { S3Config } from '../../config/load-config.ts'
import type { ResponseFacts } from '../s3/diagnosis/diagnose-s3.ts'
import { s3FailureOf } from '../s3/requests/s3-errors.ts'
import { testKey, testText } from '../storage-key.ts'
import { type BucketChoices, type PartName, setupRights } from './bucket-rules.ts'

type Opened = { client: S3Client; config: S3Config; seen: ResponseFacts; signal: AbortSignal }

export type BucketContext = Opened & {
  /** The bucket, as commands name it. */
  at: { Bucket: string }
  /** Aborts reads only. A change of the bucket is completed or rolled back. */
  reading: { abortSignal: AbortSignal }
}

export function openContext(opened: Opened): BucketContext {
  return { ...opened, at: { Bucket: opened.config.bucket }, reading: { abortSignal: opened.signal } }
}

/** The items of a setting by name, as JSON. */
export type Items = Record<string, unknown>

/** `from` undefined: the item is new. `to` undefined: it is removed. */
export type Change = { item: string; from: unknown; to: unknown }

/** A problem with a setting that this command does not own. `isSerious`: the bucket is not safe with it. */
export type Objection = { isSerious: boolean } & ObjectionFacts

type ObjectionFacts =
  | { kind: 'weaker_public_access' | 'any_origin' }
  | { kind: 'open_statement'; sid: string | undefined }
  | { kind: 'deletes_documents'; rule: string | undefined; days: number | undefined; date: string | undefined }
  | { kind: 'moves_documents'; rule: string | undefined; storageClass: string }
  | { kind: 'deletes_old_versions'; rule: string | undefined; days: number }

/** One part of the bucket's set-up. `Setting`: all of it, including items that this command does not own. */
export type PartDefinition<Setting> = {
  part: PartName
  /** S3's error code for a bucket without this setting. */
  absentCode?: string
  get(context: BucketContext): Promise<Setting | undefined>
  put(context: BucketContext, setting: Setting): Promise<unknown>
  delete(context: BucketContext): Promise<unknown>
  /** The items that this command owns, by a name for people. */
  ours(setting: Setting | undefined): Items
  /** Throws `CannotApply` on a conflict with the current setting. */
  wanted(context: { choices: BucketChoices; setting: Setting | undefined; context: BucketContext }): Items
  /** Throws `CannotApply` when another part makes this one useless, even if nothing is to be changed. */
  requireCompatible?(context: BucketContext, choices: BucketChoices, wanted: Items): Promise<void>
  /** The current setting with our items replaced. Undefined: nothing is left. */
  merge(setting: Setting | undefined, items: Items): Setting | undefined
  objections?(setting: Setting | undefined, wanted: Items): Objection[]
  /** Tests the setting without changing the bucket, or on the test object only. */
  dryRun?(context: BucketContext, wanted: Items, setting: Setting | undefined): Promise<void>
  /** A weaker setting for a store that does not support all of it. */
  weaker?: Items
  /** Whether an option requests this part, so that a store without it is a failure. By default none does. */
  isRequested?(choices: BucketChoices): boolean
}

/** Why a part conflicts with the current settings. */
export type Conflict = { kind: 'skips_kms_objects' } | { kind: 'other_role'; role: string | undefined }

export class CannotApply extends Error {
  override readonly name = 'CannotApply'
  readonly conflict: Conflict

  constructor(conflict: Conflict) {
    super(conflict.kind)
    this.conflict = conflict
  }
}

/** A failed call to S3, with the right that the call needs. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed'
  readonly right: string
  /**
   * `probe`: the bucket does not accept, return or delete an object. `rollback`: a change could not be rolled back and is
   * still in place.
   */
  readonly within: 'setting' | 'probe' | 'rollback'

  constructor(right: string, within: CallFailed['within'], cause: unknown) {
    super(`a call that needs ${right} failed`, { cause })
    this.right = right
    this.within = within
  }
}

export function isFailedWithin(error: unknown, within: CallFailed['within']): boolean {
  return error instanceof CallFailed && error.within === within
}

async function withRight<Answer>(
  right: string,
  call: () => Promise<Answer>,
  within: CallFailed['within'] = 'setting',
): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    throw error instanceof CallFailed ? error : new CallFailed(right, within, error)
  }
}

/** The current setting, or undefined when there is none, as in a new bucket. A failure carries the right that the call needs. */
export function getSetting<Setting>(
  definition: PartDefinition<Setting>,
  context: BucketContext,
): Promise<Setting | undefined> {
  const { part, absentCode } = definition
  return withRight(setupRights[part].read, async () => {
    try {
      return await definition.get(context)
    } catch (error) {
      if (absentCode !== undefined && s3FailureOf(error).s3Code === absentCode) return undefined
      throw error
    }
  })
}

/** Sets a part, or removes its setting. A failure carries the right that the call needs. */
export function putSetting<Setting>(
  definition: PartDefinition<Setting>,
  context: BucketContext,
  setting: Setting | undefined,
  within: 'setting' | 'rollback' = 'setting',
): Promise<unknown> {
  const { write, clear } = setupRights[definition.part]
  if (setting === undefined) return withRight(clear, () => definition.delete(context), within)
  return withRight(write, () => definition.put(context, setting), within)
}

/** Puts, gets and deletes one object as the service does with documents. Throws `CallFailed` with the error of S3. */
export async function probeBucket(
  { client, at }: BucketContext,
  more: Partial<PutObjectCommandInput> = {},
): Promise<void> {
  const object = { ...at, Key: testKey }
  await probe('s3:PutObject', () => client.send(new PutObjectCommand({ ...object, ...likeDocuments, ...more })))
  try {
    await probe('s3:GetObject', async () => {
      const { Body: body } = await client.send(new GetObjectCommand(object))
      if ((await body?.transformToString()) !== testText) throw new Error('the object came back with another content')
    })
  } finally {
    await probe('s3:DeleteObject', () => client.send(new DeleteObjectCommand(object)))
  }
}

function probe(right: string, call: () => Promise<unknown>): Promise<unknown> {
  return withRight(right, call, 'probe')
}

const likeDocuments = {
  Body: testText,
  ContentType: 'text/plain',
  CacheControl: 'private, no-store',
  StorageClass: 'STANDARD',
  Metadata: { 'original-filename': 'connection_test.txt' },
} as const

export function compareItems(present: Items, wanted: Items): Change[] {
  const names = new Set([...Object.keys(present), ...Object.keys(wanted)])
  return [...names].flatMap((item) => {
    const [from, to] = [present[item], wanted[item]]
    return isDeepStrictEqual(from, to) ? [] : [{ item, from, to }]
  })
}
