import { createHash, createHmac, createSecretKey } from 'node:crypto'

export type S3Identity = { accessKeyId: string; secretAccessKey: string; sessionToken?: string; expiration?: Date }

/** A request whose query is signed. `path`: percent-encoded. `query`: percent-encoded pairs, each `name=value`. */
type RequestToSign = { host: string; path: string; query: string[] }

type Validity = { signedAt: Date; seconds: number }

const algorithm = 'AWS4-HMAC-SHA256'

/**
 * Signs the query of a GET request by AWS Signature Version 4 for S3, and returns the whole query. It does what the SDK's
 * presigner does for such a request (a property test compares them), in a quarter of its time: the key of a day is
 * derived once.
 */
export function createQuerySigner(identity: S3Identity, region: string) {
  let today = { date: '', scope: '', key: createSecretKey(Buffer.alloc(32)), fixed: [''] }

  function startDay(date: string): void {
    const scope = `${date}/${region}/s3/aws4_request`
    const { accessKeyId, sessionToken } = identity
    const fixed = [
      `X-Amz-Algorithm=${algorithm}`,
      'X-Amz-Content-Sha256=UNSIGNED-PAYLOAD',
      `X-Amz-Credential=${encodeForQuery(`${accessKeyId}/${scope}`)}`,
      'X-Amz-SignedHeaders=host',
      ...(sessionToken === undefined ? [] : [`X-Amz-Security-Token=${encodeForQuery(sessionToken)}`]),
    ]
    let key = createSecretKey(`AWS4${identity.secretAccessKey}`, 'utf8')
    for (const word of [date, region, 's3', 'aws4_request'])
      key = createSecretKey(createHmac('sha256', key).update(word).digest())
    today = { date, scope, fixed, key }
  }

  return ({ host, path, query }: RequestToSign, { signedAt, seconds }: Validity): string => {
    const time = signedAt.toISOString().replaceAll(/[-:]|\.\d+/g, '')
    const date = time.slice(0, 8)
    if (date !== today.date) startDay(date)
    const { fixed, scope, key } = today
    // In the order of their bytes, as they are signed. No name is the beginning of another.
    const signed = [...fixed, `X-Amz-Date=${time}`, `X-Amz-Expires=${seconds}`, ...query].toSorted(byBytes).join('&')
    const request = `GET\n${path}\n${signed}\nhost:${host}\n\nhost\nUNSIGNED-PAYLOAD`
    const digest = createHash('sha256').update(request).digest('hex')
    const signature = createHmac('sha256', key).update(`${algorithm}\n${time}\n${scope}\n${digest}`).digest('hex')
    return `${signed}&X-Amz-Signature=${signature}`
  }
}

/** All of it is ASCII. */
function byBytes(one: string, other: string): number {
  return one < other ? -1 : 1
}

/** RFC 3986: S3 signs these five encoded, and browsers encode an apostrophe, which would break the signature. */
export function encodeForQuery(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
