/** What an operator wants and only they can know, once it is checked. */
export type Deployment = {
  account: string
  region: string
  bucket: string
  replica: Replica
  /** After how many days what was removed is destroyed. */
  noncurrentDays: number
  /** Pages of these may read what links lead to. */
  origins: string[]
  /** The public half of the key that signs links, as PEM. */
  linkKey: string
  /** Under which name people reach the distribution; undefined: under the one that CloudFront gives it. */
  domain: { name: string; certificate: string } | undefined
  /** As what the service runs: `ec2.amazonaws.com`, `ecs-tasks.amazonaws.com`. */
  runsAs: string
  /** Who is notified of alarms; undefined: nobody yet. */
  alarmEmail: string | undefined
  /** Where `AUDIT_HEADS` and `backup` lead, where those are buckets. */
  heads: Folder | undefined
  backups: Folder | undefined
  /** By how much the bucket may grow in a day before somebody is notified. */
  growthGb: number
  /** What the first two stacks made; undefined as long as they have not. */
  made: { replicaKey: string; distribution: string } | undefined
}

export type Replica = { bucket: string; region: string }
export type Folder = { bucket: string; prefix: string }
