// `npm run audit`: weaknesses that are known of what the service is made of. Fails for one that is high or critical.
import { join } from 'node:path'

import { audit } from './audit.ts'
import { tellAudit } from './tell-audit.ts'

const { lines, isGood } = tellAudit(await audit(join(import.meta.dirname, '..')))
process.stdout.write(`${lines.join('\n')}\n`)
process.exitCode = isGood ? 0 : 1
