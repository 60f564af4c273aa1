import { GetBucketVersioningCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3'

import type { PartDefinition } from './bucket-part.ts'

/** A paper that somebody removes or replaces past the service is kept for the days of the lifecycle. */
export const versioningPart: PartDefinition<'Enabled' | 'Suspended'> = {
  part: 'versioning',
  title: 'Versioning',
  async read({ client, config, signal }) {
    const command = new GetBucketVersioningCommand({ Bucket: config.bucket })
    return (await client.send(command, { abortSignal: signal })).Status
  },
  ours: (held) => ({ versioning: held ?? 'off' }),
  wanted: () => ({ versioning: 'Enabled' }),
  merge: () => 'Enabled',
  async write({ client, config }, Status) {
    await client.send(new PutBucketVersioningCommand({ Bucket: config.bucket, VersioningConfiguration: { Status } }))
  },
  // It can be suspended, and never again be as if it had not been.
  async clear(reach) {
    await versioningPart.write(reach, 'Suspended')
  },
  isAskedFor: () => false,
}
