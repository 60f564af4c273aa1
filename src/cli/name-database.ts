import type { DatabaseConfig } from '../config.ts'

/** Which database the settings mean, without its password and whatever else its address carries. */
export function nameDatabase(config: DatabaseConfig): string {
  if (config.kind === 'embedded') return 'the one that comes along, in DATA_DIR'
  const own = `DATABASE_URL: ${placeOf(config.url)}`
  return config.ownerUrl === undefined ? own : `${own}; DATABASE_OWNER_URL: ${placeOf(config.ownerUrl)}`
}

function placeOf(address: string): string {
  const { username, hostname, port, pathname, searchParams } = new URL(address)
  const host = decodeURIComponent(hostname) || searchParams.get('host') || 'localhost'
  const user = decodeURIComponent(username) || searchParams.get('user')
  const name = decodeURIComponent(pathname.slice(1))
  return `${user ? `${user}@` : ''}${host}${host.startsWith('/') ? '' : `:${port || '5432'}`}${name === '' ? '' : `, database ${name}`}`
}
