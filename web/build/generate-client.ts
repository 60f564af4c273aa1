// `node web/build/generate-client.ts`: writes the types of the API for the page, so that
// a changed API breaks its typecheck.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { type Description, describeTypes } from './describe-types.ts'

const root = join(import.meta.dirname, '../..')
const target = join(root, 'web/src/api/openapi.d.ts')

const folder = await mkdtemp(join(tmpdir(), 'paniq-client-'))
const described = join(folder, 'openapi.json')
await promisify(execFile)(process.execPath, [join(root, 'src/bin/write-openapi.ts'), described], { cwd: root })
// The script writes the description of the API.
const source = describeTypes(JSON.parse(await readFile(described, 'utf8')) as Description)
await rm(folder, { recursive: true })
const before = await readFile(target, 'utf8').catch(() => undefined)
if (before !== source) await writeFile(target, source)
