import {
  DeletePublicAccessBlockCommand,
  GetPublicAccessBlockCommand,
  type PublicAccessBlockConfiguration,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3'

import type { S3Config } from '../../config.ts'
import { isAmazon } from '../s3-client.ts'
import type { PartDefinition } from './bucket-part.ts'
import { type Items, isSame } from './compare-items.ts'
import { closedToThePublic, type PublicAccessSwitch } from './public-access.ts'
import { unless } from './unless.ts'

const allButOne = { ...closedToThePublic, BlockPublicAcls: false }

export const publicAccessPart: PartDefinition<PublicAccessBlockConfiguration> = {
  part: 'public_access',
  title: 'Closed to the public',
  async read({ client, config, signal }) {
    const command = new GetPublicAccessBlockCommand({ Bucket: config.bucket })
    const answer = await unless('NoSuchPublicAccessBlockConfiguration', client.send(command, { abortSignal: signal }))
    return answer?.PublicAccessBlockConfiguration
  },
  ours: (held = {}) => switchesOf(held),
  // Where another store has the weaker form, an earlier run found that it must: to try again would stop uploads for a moment.
  wanted: ({ held = {}, reach: { config } }) => (isClosed(held, config) ? switchesOf(held) : closedToThePublic),
  merge: (_held, items) => items,
  async write({ client, config }, held) {
    await client.send(
      new PutPublicAccessBlockCommand({ Bucket: config.bucket, PublicAccessBlockConfiguration: switchesOf(held) }),
    )
  },
  async clear({ client, config }) {
    await client.send(new DeletePublicAccessBlockCommand({ Bucket: config.bucket }))
  },
  objections: (_held, wanted) => (isSame(wanted, allButOne) ? [{ breaks: false, says: whyWeaker }] : []),
  weaker: () => ({ wanted: allButOne, says: whyWeaker }),
  isAskedFor: () => false,
}

const whyWeaker =
  'BlockPublicAcls is off: with it this store refuses every upload. IgnorePublicAcls is on, so that no ACL opens anything'

export function isClosed(held: PublicAccessBlockConfiguration, config: S3Config): boolean {
  const switches = switchesOf(held)
  return isSame(switches, closedToThePublic) || (!isAmazon(config) && isSame(switches, allButOne))
}

function switchesOf(held: Items | PublicAccessBlockConfiguration): Record<PublicAccessSwitch, boolean> {
  return {
    BlockPublicAcls: held.BlockPublicAcls === true,
    IgnorePublicAcls: held.IgnorePublicAcls === true,
    BlockPublicPolicy: held.BlockPublicPolicy === true,
    RestrictPublicBuckets: held.RestrictPublicBuckets === true,
  }
}
