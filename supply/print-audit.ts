// `npm run audit`: weaknesses that are known of what the service, and the app that makes its bucket, are made of. Fails for
// one that is high or critical.
import { join } from 'node:path'

import { audit } from './audit.ts'
import { lockedFolders } from './locked-folders.ts'
import { describeAudit } from './describe-audit.ts'

const root = join(import.meta.dirname, '..')
// At once: a registry that does not answer is waited for once.
const told = await Promise.all(
  Object.entries(lockedFolders).map(async ([folder, what]) => describeAudit(what, await audit(join(root, folder)))),
)
process.stdout.write(`${told.flatMap(({ lines }) => lines).join('\n')}\n`)
process.exitCode = told.every(({ isGood }) => isGood) ? 0 : 1
