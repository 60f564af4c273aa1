// `npm run sbom`: prints the bill of materials in CycloneDX format.
import { join } from 'node:path'

import { createSbom } from './make-sbom.ts'

const sbom = await createSbom(join(import.meta.dirname, '..'))
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`)
