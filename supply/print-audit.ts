// `npm run audit`: known vulnerabilities of every lock file of the project. Fails for a high or critical one.
import { join } from 'node:path'

import { audit } from './audit.ts'
import { lockedFolders } from './locked-folders.ts'
import { describeAudit } from './describe-audit.ts'

const root = join(import.meta.dirname, '..')
// Concurrently, so that a registry without an answer delays the command only once.
const audits = await Promise.all(
  Object.entries(lockedFolders).map(async ([folder, what]) => describeAudit(what, await audit(join(root, folder)))),
)
process.stdout.write(`${audits.flatMap(({ lines }) => lines).join('\n')}\n`)
process.exitCode = audits.every(({ isGood }) => isGood) ? 0 : 1
