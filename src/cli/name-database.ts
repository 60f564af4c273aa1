import type { DatabaseConfig } from '../config.ts'

/** Which database the settings mean, without its password and whatever else its address carries. */
export function nameDatabase(config: DatabaseConfig): string {
  if (config.kind === 'embedded') return 'the one that comes along, in DATA_DIR'
  const { url, ownerUrl, directUrl } = config
  const named = [`DATABASE_URL: ${placeOf(url)}`]
  if (ownerUrl !== undefined) named.push(`DATABASE_OWNER_URL: ${placeOf(ownerUrl)}`)
  if (directUrl !== url) named.push(`DATABASE_DIRECT_URL: ${placeOf(directUrl)}`)
  return named.join('; ')
}

function placeOf(address: string): string {
  const { username, hostname, port, pathname, searchParams } = new URL(address)
  // As the driver has it: what stands behind the question mark goes before what stands in front of it.
  const [host, itsPort, user] = [
    searchParams.get('host') || decoded(hostname) || 'localhost',
    searchParams.get('port') || port || '5432',
    searchParams.get('user') || decoded(username),
  ]
  const name = decoded(pathname.slice(1))
  return `${user ? `${user}@` : ''}${host}${host.startsWith('/') ? '' : `:${itsPort}`}${name === '' ? '' : `, database ${name}`}`
}

/** What is not written as an address would have it is taken as it stands, as the driver does. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
