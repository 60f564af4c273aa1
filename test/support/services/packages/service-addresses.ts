export type S3Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }

export type S3Address = {
  endpoint: string
  region: string
  /** May do everything: create and remove buckets, and list what `app` may not. */
  owner: S3Credentials
  /**
   * The permissions of the service: list, get, put and delete objects and abort multipart uploads, in buckets whose
   * name begins with `bucketPrefix`. The same as `owner` if the environment names the store, which has one key pair.
   */
  app: S3Credentials
  bucketPrefix: string
}

/** `adminUrl`: a superuser, who may create and drop databases and roles. */
export type PostgresAddress = { adminUrl: string }

/** `url`: in the form of `CLAMD_URL`. */
export type ClamdAddress = { url: string }

/**
 * `s3WithRoles`: a gateway whose owner may create users and roles. It reports unknown keys differently than S3.
 * `durablePostgres`: a server that syncs every commit to disk, like the service's own.
 */
export type AddressOf = {
  s3: S3Address
  s3WithRoles: S3Address
  postgres: PostgresAddress
  durablePostgres: PostgresAddress
  clamd: ClamdAddress
}

export type ServiceName = keyof AddressOf

/** The services for the tests of the `services` project. */
export type ServiceAddresses = Pick<AddressOf, 's3' | 'postgres'>
