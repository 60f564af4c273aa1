import type { S3Client } from '@aws-sdk/client-s3'

/** What takes a client's credentials out of a text: nobody knows what a store repeats of what it was sent. */
export async function secretHider(client: S3Client): Promise<(text: string) => string> {
  const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials()
  const secrets = [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])]
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '[hidden]'), text)
}

/** The same for what is said of something. */
export function hidingIn<Said extends { says?: string; advice?: string }>(
  said: Said,
  hide: (text: string) => string,
): Said {
  return {
    ...said,
    ...(said.says === undefined ? {} : { says: hide(said.says) }),
    ...(said.advice === undefined ? {} : { advice: hide(said.advice) }),
  }
}
