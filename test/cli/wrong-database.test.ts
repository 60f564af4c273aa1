import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { testServices } from '../support/services/packages/test-services.ts'
import { databaseSettings } from '../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand, type Settings } from '../support/cli/run-command.ts'

async function saidOf(settings: Settings): Promise<string> {
  const { code, stdout, stderr } = await runCommand(await makeWorkFolder(), ['db', 'migrate'], { settings })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  return stderr
}

/** A server in place of the database with this reaction to every connection. */
async function listenInstead(meet: (socket: Socket) => void): Promise<string> {
  const server = createServer(meet).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on TCP
}

/** PostgreSQL's answer when it does not support TLS. */
const withoutTls = (socket: Socket) => void socket.once('data', () => socket.end('N'))

const opening = String.raw`The database \(DATABASE_URL: paniq@.+\): `

test.each([
  ['nobody listens', async () => '127.0.0.1:1/paniq'],
  ['somebody else listens', async () => `${await listenInstead((socket) => void socket.end())}/paniq`],
  ['the folder of its socket is missing', async () => '%2Fnowhere%2Fat%2Fall/paniq'],
])('where %s, one line states that no database answers', async (_what, place) => {
  const said = await saidOf(databaseSettings(`postgres://paniq:hunter2-secret@${await place()}`))

  expect(said).toMatch(new RegExp(`^${opening}no PostgreSQL answers there.*Start PostgreSQL.*\n$`))
  expect(said).not.toContain('hunter2-secret')
})

test.each(['verify-full', 'require', 'prefer', 'verify-ca'])(
  'sslmode=%s with a server without TLS gives one line, without the driver’s warnings',
  async (mode) => {
    const said = await saidOf(databaseSettings(`postgres://paniq@${await listenInstead(withoutTls)}/p?sslmode=${mode}`))

    expect(said).toMatch(new RegExp(`^${opening}the server does not use TLS. .*sslmode.*\n$`))
  },
)

test('an unknown user gives one line with user and server', async () => {
  const place = new URL(testServices().postgres.adminUrl)
  place.username = 'nobody-of-that-name'

  expect(await saidOf(databaseSettings(place.href))).toMatch(
    new RegExp(
      `^The database \\(DATABASE_URL: nobody-of-that-name@${place.host}, database .+\\): .*(no such user|rejects this user).*\n$`,
    ),
  )
})

test('an unreadable certificate is named with its setting', async () => {
  const folder = await makeWorkFolder()
  const right = databaseSettings(`postgres://paniq@${await listenInstead(withoutTls)}/p`)
  const withFile = (path: string) => `${right['DATABASE_URL']}?sslmode=verify-full&sslrootcert=${path}`

  expect(await saidOf({ ...right, DATABASE_URL: withFile('/nowhere/ca.pem') })).toBe(
    'DATABASE_URL: the sslrootcert in it, "/nowhere/ca.pem", cannot be read (ENOENT); correct the path, or let this user read it.\n',
  )
  expect(await saidOf({ ...right, DATABASE_OWNER_URL: withFile(folder) })).toMatch(
    /^DATABASE_OWNER_URL: the sslrootcert in it, .* cannot be read \(EISDIR\); .*\n$/,
  )
  await writeFile(join(folder, 'ca.pem'), '')
  expect(await saidOf({ ...right, DATABASE_URL: withFile(join(folder, 'ca.pem')) })).toContain('does not use TLS')
})
