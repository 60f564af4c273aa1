import type { S3Client } from '@aws-sdk/client-s3'

import type { S3Config } from '../../config.ts'
import type { SeenAnswers } from '../connection-test/watch-answers.ts'
import type { BucketChoices } from './bucket-choices.ts'
import type { Items } from './compare-items.ts'
import type { PartName } from './setup-rights.ts'

export type BucketReach = {
  client: S3Client
  config: S3Config
  seen: SeenAnswers
  /** Ends what only looks. What changes the bucket is finished, or taken back. */
  signal: AbortSignal
}

/** What somebody else has there. `breaks`: with it the bucket is not what it should be, whatever is set beside it. */
export type Objection = { breaks: boolean; says: string }

/** How a part is when the store cannot have all of it. */
export type Weaker = { wanted: Items; says: string }

/** One part of how a bucket is set up. `Held`: the whole of it as the store has it, with what is somebody else's. */
export type PartDefinition<Held> = {
  part: PartName
  title: string
  /** Undefined: there is none, as in a new bucket. */
  read(reach: BucketReach): Promise<Held | undefined>
  /** What of it is this command's, each item by a name that people know it by. */
  ours(held: Held | undefined): Items
  /** Throws a `Refused` where it cannot be had beside what is there. */
  wanted(context: { choices: BucketChoices; held: Held | undefined; reach: BucketReach }): Items
  /** Throws a `Refused` where another part of the bucket makes it useless, also where nothing is to be changed. */
  requireBeside?(reach: BucketReach, choices: BucketChoices, wanted: Items): Promise<void>
  /** The whole with what is ours replaced; undefined: nothing is left. */
  merge(held: Held | undefined, items: Items): Held | undefined
  write(reach: BucketReach, held: Held): Promise<void>
  clear(reach: BucketReach): Promise<void>
  objections?(held: Held | undefined, wanted: Items): Objection[]
  /** Whether it is in nobody's way, tried without changing the bucket, or on one object of our own. */
  rehearse?(reach: BucketReach, wanted: Items, held: Held | undefined): Promise<void>
  weaker?(wanted: Items): Weaker
  /** Whether somebody asked for just this, so that a store without it fails. */
  isAskedFor: (choices: BucketChoices) => boolean
  /** What else is to be done by somebody, once it was set. */
  remindOf?(choices: BucketChoices): string | undefined
}

/** It cannot be had beside what is there; the message says why and what to do. */
export class Refused extends Error {
  override readonly name = 'Refused'
}
