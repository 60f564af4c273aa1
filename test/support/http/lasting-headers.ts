import { decodeJwt, SignJWT } from 'jose'

/** A token for the same person in the platform's form, because ours would expire during a long run. */
export async function lastingHeaders(accessToken: string, secret: string): Promise<{ authorization: string }> {
  const { sub = '' } = decodeJwt(accessToken)
  const token = await new SignJWT({ token_type: 'access', user_type: 'registered_user' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(new TextEncoder().encode(secret))
  return { authorization: `Bearer ${token}` }
}
