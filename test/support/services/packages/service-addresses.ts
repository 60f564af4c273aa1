export type S3Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }

export type S3Address = {
  endpoint: string
  region: string
  /** May do everything: make and remove buckets, list what `app` may not. */
  owner: S3Credentials
  /**
   * What the service itself is given: list, get, put and delete objects and abort multipart uploads, in buckets whose
   * name begins with `bucketPrefix`. The same as `owner` when the environment names the store, which has one key pair.
   */
  app: S3Credentials
  bucketPrefix: string
}

/** `adminUrl` is a superuser's: it may make and drop databases and roles. */
export type PostgresAddress = { adminUrl: string }

/** `url` as `CLAMD_URL` takes it. */
export type ClamdAddress = { url: string }

/**
 * `s3WithRoles`: a gateway whose owner may make users and roles; it answers keys that nobody has otherwise than S3 does.
 * `durablePostgres`: one that waits for the disk at every commit, as the service's own does.
 */
export type AddressOf = {
  s3: S3Address
  s3WithRoles: S3Address
  postgres: PostgresAddress
  durablePostgres: PostgresAddress
  clamd: ClamdAddress
}

export type ServiceName = keyof AddressOf

/** What the tests of the `services` project are given. */
export type ServiceAddresses = Pick<AddressOf, 's3' | 'postgres'>
