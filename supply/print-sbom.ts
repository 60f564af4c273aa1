// `npm run sbom`: what the service is made of, as CycloneDX, on standard output.
import { join } from 'node:path'

import { createSbom } from './make-sbom.ts'

const sbom = await createSbom(join(import.meta.dirname, '..'))
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`)
