import { expect, it } from 'vitest'

import { type Answer, refusalIn, problemIn } from './client.ts'
import { newPerson, type Scene } from './scene.ts'

type Tokens = { access_token: string; refresh_token?: string; token_type: string; expires_in: number }

function tokensIn({ status, body }: Answer): Tokens {
  if (status !== 200) throw new Error(`no tokens: ${status}`)
  return body as Tokens
}

export function provePeople(scene: () => Scene): void {
  const logIn = (email: string, password: string, headers = {}) =>
    scene().client.call('POST /api/v1/auth/login', { json: { email, password }, headers })
  const refresh = (token: string | undefined) =>
    scene().client.call('POST /api/v1/auth/refresh', { json: { refresh_token: token } })
  const me = (token: string) => scene().client.call('GET /api/v1/auth/me', { token })

  it('a registered person is identified by the token, and no answer has the password', async () => {
    const { founder } = scene()
    const answer = await me(founder.token)

    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ id: founder.id, email: founder.email, first_name: 'Thandi', role: 'user' })
    expect(Object.keys(answer.body as object).filter((field) => field.includes('password'))).toEqual([])
  })

  it('a second account with the same e-mail in another case is rejected', async () => {
    const again = { ...newPerson(), email: scene().founder.email.toUpperCase() }
    expect(refusalIn(await scene().client.call('POST /api/v1/auth/register', { json: again }))).toBe('409 conflict')
  })

  it('a short password is rejected, and the answer names the field', async () => {
    const answer = await scene().client.call('POST /api/v1/auth/register', {
      json: { ...newPerson(), password: 'short' },
    })
    expect(refusalIn(answer)).toBe('422 validation_failed')
    expect(problemIn(answer).errors?.[0]?.field).toBe('password')
  })

  it('a login returns tokens; a wrong password and an unknown e-mail get the same answer', async () => {
    const { founder } = scene()
    const tokens = tokensIn(await logIn(founder.email, founder.password))
    const wrong = await logIn(founder.email, 'a wrong password')
    const unknown = await logIn(newPerson().email, 'a wrong password')

    expect([tokens.token_type, tokens.expires_in > 0]).toEqual(['bearer', true])
    expect((await me(tokens.access_token)).status).toBe(200)
    expect([refusalIn(wrong), refusalIn(unknown)]).toEqual(['401 unauthenticated', '401 unauthenticated'])
    expect(problemIn(wrong).detail).toBe(problemIn(unknown).detail)
  })

  it('a refresh token returns new tokens, the same to concurrent requests, and authorises nothing else', async () => {
    const { founder } = scene()
    const { refresh_token: token = '' } = tokensIn(await logIn(founder.email, founder.password))

    const first = tokensIn(await refresh(token))
    const second = tokensIn(await refresh(token))

    expect((await me(first.access_token)).status).toBe(200)
    // Compared as a boolean, so that a failure prints no token.
    expect(first.refresh_token !== undefined && first.refresh_token === second.refresh_token).toBe(true)
    expect(first.refresh_token === token).toBe(false)
    expect(refusalIn(await me(token))).toBe('401 unauthenticated')
    expect(refusalIn(await refresh('none'))).toBe('401 unauthenticated')
  })

  it('a logout ends the session; with all=true every session', async () => {
    const { leaver, client } = scene()
    const sessions = [
      tokensIn(await logIn(leaver.email, leaver.password)),
      tokensIn(await logIn(leaver.email, leaver.password)),
    ]
    const [one, other] = sessions.map(({ refresh_token: token }) => token)

    const left = await client.call('POST /api/v1/auth/logout', { json: { refresh_token: one } })
    const afterOne = [(await refresh(one)).status, (await refresh(other)).status]
    const leftEverywhere = await client.call('POST /api/v1/auth/logout?all=true', {
      token: sessions[1]?.access_token,
    })
    const afterAll = [(await refresh(other)).status, (await refresh(leaver.refreshToken)).status]

    expect([left.status, leftEverywhere.status]).toEqual([204, 204])
    expect(afterOne).toEqual([401, 200])
    expect(afterAll).toEqual([401, 401])
  })

  it('a page gets its refresh token as a cookie that no script and no other page can use', async () => {
    const { founder, client } = scene()
    const page = { 'x-auth-mode': 'cookie', origin: new URL(client.url).origin }
    const foreign = { 'x-auth-mode': 'cookie', origin: 'https://elsewhere.example' }

    const answer = await logIn(founder.email, founder.password, page)
    const cookie = answer.headers.get('set-cookie') ?? ''
    const sent = { cookie: cookie.split(';')[0] ?? '' }
    const [ours, theirs] = [
      await client.call('POST /api/v1/auth/refresh', { headers: { ...page, ...sent } }),
      await client.call('POST /api/v1/auth/refresh', { headers: { ...foreign, ...sent } }),
    ]

    const attributes = cookie.split(/;\s*/).slice(1)
    expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'SameSite=Strict', 'Path=/api/v1/auth']))
    expect(Object.keys(tokensIn(answer))).not.toContain('refresh_token')
    expect(ours.status).toBe(200)
    expect(refusalIn(theirs)).toBe('403 forbidden')
  })
}
