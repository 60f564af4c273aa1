import type { ConfigWithoutTokens } from '../config.ts'
import {
  bucketArnOf,
  type BucketChoices,
  leastDaysInStandard,
  type ReplicationChoice,
  transitionClasses,
} from '../storage/bucket-setup/bucket-rules.ts'
import type { SetupOptions } from './add-s3.ts'
import { WrongUse } from './failures.ts'

/** What the options and settings ask for together. Throws `WrongUse` where they don’t go with each other. */
export function chooseSetup(options: SetupOptions, config: ConfigWithoutTokens): BucketChoices {
  const { noncurrentDays, quarantineDays, kmsKey } = options
  const transition = chooseTransition(options)
  const replication = chooseReplication(options, config)
  requireRegion(kmsKey, config)
  return {
    origins: originsOf(config),
    ...(noncurrentDays === undefined ? {} : { noncurrentDays }),
    ...(quarantineDays === undefined ? {} : { quarantineDays }),
    ...(kmsKey === undefined ? {} : { kmsKey }),
    ...(transition === undefined ? {} : { transition }),
    ...(replication === undefined ? {} : { replication }),
  }
}

function chooseTransition({ transitionDays: days, transitionClass }: SetupOptions): BucketChoices['transition'] {
  if (days === undefined || days === 'off') {
    if (transitionClass !== undefined)
      throw new WrongUse('--transition-class says where papers go; --transition-days <n> must say when.')
    return days
  }
  const storageClass = transitionClass ?? transitionClasses[0]
  if (storageClass === 'STANDARD_IA' && days < leastDaysInStandard)
    throw new WrongUse(
      `--transition-days: S3 takes nothing into STANDARD_IA before it is ${leastDaysInStandard} days old; give ${leastDaysInStandard} or more, or another --transition-class.`,
    )
  return { days, storageClass }
}

function chooseReplication(options: SetupOptions, { s3 }: ConfigWithoutTokens): BucketChoices['replication'] {
  const { replicateTo: target, replicationRole: role, replicaKmsKey, replicaKeepsDeleted, kmsKey } = options
  if (target === undefined || target === 'off') {
    if (role ?? replicaKmsKey ?? replicaKeepsDeleted)
      throw new WrongUse('What is said of the replica goes with --replicate-to <bucket>; name the bucket too.')
    return target
  }
  if (role === undefined)
    throw new WrongUse('--replicate-to needs --replication-role <arn>: the role with which S3 copies.')
  if (target === s3.bucket) throw new WrongUse(`--replicate-to: ${target} is the bucket itself; name another.`)
  if (kmsKey !== undefined && replicaKmsKey === undefined)
    throw new WrongUse(
      '--replicate-to with --kms-key needs --replica-kms-key <arn>, of the replica’s region: else S3 copies nothing that is encrypted.',
    )
  const choice: ReplicationChoice = {
    bucketArn: bucketArnOf(target, s3.region),
    role,
    kmsKey: replicaKmsKey,
    followsDeletes: replicaKeepsDeleted !== true,
  }
  return choice
}

function requireRegion(kmsKey: string | undefined, { s3 }: ConfigWithoutTokens): void {
  const region = kmsKey?.split(':')[3]
  if (region !== undefined && region !== s3.region)
    throw new WrongUse(
      `--kms-key: this key is in ${region}, and the bucket in ${s3.region}; name a key of that region.`,
    )
}

/** As the API has it. */
function originsOf({ corsOrigins, publicUrl }: ConfigWithoutTokens): string[] {
  const own = publicUrl === undefined ? [] : [new URL(publicUrl).origin]
  return [...new Set([...corsOrigins, ...own])]
}
