/** The four switches by which a bucket is closed to the public, whatever a policy or an ACL says. Data alone: `deploy/aws` has it too. */
export const closedToThePublic = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
} as const

export type PublicAccessSwitch = keyof typeof closedToThePublic
