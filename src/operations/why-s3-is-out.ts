import type { S3Trouble } from '../storage/s3-errors.ts'

/** For whoever may read it without knowing the inside: what is wrong, and no name of anything. */
export const whyS3IsOut: Record<S3Trouble, string> = {
  no_answer: 'S3 does not answer',
  no_credentials: 'S3 is set up, but there are no credentials for it',
  refused_credentials: 'S3 refuses the credentials',
  not_allowed: 'S3 does not allow what is needed',
  no_bucket: 'S3 has no such bucket',
  wrong_place: 'S3 has the bucket in another region',
  clock_off: 'S3 refuses because its clock and ours differ',
  too_busy: 'S3 is too busy',
  broken: 'S3 fails',
  not_s3: 'What answers in the place of S3 is another server',
  not_ours: 'The bucket on S3 holds nothing of ours',
  ending: 'The service is ending',
}
