import type { DatabaseConfig } from '../config.ts'

/** Which database the settings mean, without its password and whatever else its address carries. */
export function nameDatabase(config: DatabaseConfig): string {
  if (config.kind === 'embedded') return 'the one that comes along, in DATA_DIR'
  const own = `DATABASE_URL: ${placeOf(config.url)}`
  return config.ownerUrl === undefined ? own : `${own}; DATABASE_OWNER_URL: ${placeOf(config.ownerUrl)}`
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
