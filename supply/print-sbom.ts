// `npm run sbom`: what the service is made of, as CycloneDX, on standard output.
import { join } from 'node:path'

import { makeSbom } from './make-sbom.ts'

const sbom = await makeSbom(join(import.meta.dirname, '..'))
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`)
