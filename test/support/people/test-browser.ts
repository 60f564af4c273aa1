/**
 * Cookies and redirects as a browser has them, for one service and one provider. `hosts`: where an origin answers, if not
 * at its own address.
 */
export function openTestBrowser(hosts: Record<string, string> = {}) {
  const jars = new Map<string, Map<string, string>>()
  const jarOf = (origin: string) => {
    const jar = jars.get(origin) ?? new Map<string, string>()
    jars.set(origin, jar)
    return jar
  }

  /** One request, without following its redirect. */
  async function send(address: string, request: RequestInit = {}): Promise<Response> {
    const { origin, href } = new URL(address)
    const jar = jarOf(origin)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(href.replace(origin, hosts[origin] ?? origin), {
      ...request,
      redirect: 'manual',
      headers: { ...(request.headers as Record<string, string>), ...(cookie === '' ? {} : { cookie }) },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
      if (value === '' || attributes.some((each) => /^expires=Thu, 01 Jan 1970/i.test(each))) jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }

  return {
    send,
    cookiesOf: jarOf,
    /** Follows redirects until an address begins with `end`, and signs in as `login` on the provider's pages. */
    async signIn(address: string, { login, end }: { login: string; end: string }): Promise<string> {
      let response = await send(address)
      for (let count = 0; count < 20; count += 1) {
        const location = response.headers.get('location')
        if (location !== null) {
          const next = new URL(location, address)
          if (next.href.startsWith(end)) return next.href
          address = next.href
          response = await send(address)
          continue
        }
        const page = await response.text()
        const [, action = ''] = /<form[^>]* action="([^"]+)"/.exec(page) ?? []
        const [, prompt = ''] = /name="prompt" value="([^"]+)"/.exec(page) ?? []
        if (action === '') throw new Error(`no form at ${address}: ${response.status} ${page.slice(0, 200)}`)
        address = new URL(action, address).href
        response = await send(address, {
          method: 'POST',
          body: new URLSearchParams({ prompt, login, password: 'any' }),
        })
      }
      throw new Error(`more than twenty steps, at ${address}`)
    },
  }
}

export type TestBrowser = ReturnType<typeof openTestBrowser>
