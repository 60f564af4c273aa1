/** Where credentials came from, by the marks that the SDK leaves on what its default chain found; the first that fits. */
const sources: [mark: string, name: string][] = [
  ['CREDENTIALS_STS_ASSUME_ROLE_WEB_ID', 'a web identity'],
  ['CREDENTIALS_PROFILE_SSO', 'single sign-on'],
  ['CREDENTIALS_SSO', 'single sign-on'],
  ['CREDENTIALS_SSO_LEGACY', 'single sign-on'],
  ['CREDENTIALS_LOGIN', 'aws login'],
  ['CREDENTIALS_STS_ASSUME_ROLE', 'an assumed role'],
  ['CREDENTIALS_PROFILE', 'a profile'],
  ['CREDENTIALS_PROFILE_PROCESS', 'a profile’s credential_process'],
  ['CREDENTIALS_PROCESS', 'a profile’s credential_process'],
  ['CREDENTIALS_HTTP', 'the container’s role'],
  ['CREDENTIALS_IMDS', 'the machine’s role'],
  ['CREDENTIALS_ENV_VARS', 'the environment'],
]

export function nameCredentials(identity: object): string {
  const marks = '$source' in identity ? Object.keys(identity.$source ?? {}) : []
  return sources.find(([mark]) => marks.includes(mark))?.[1] ?? 'the SDK’s default chain'
}
