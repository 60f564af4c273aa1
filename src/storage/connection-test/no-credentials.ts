/** What to say and do where neither the settings nor the SDK's chain have credentials. */
export const noCredentials = {
  says: 'AWS credentials not found',
  advice: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env, or AWS_PROFILE, or give the machine a role.',
}
