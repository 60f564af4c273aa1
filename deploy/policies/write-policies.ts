// Writes the policies in this folder again, for the names of .env.example; run by `npm run policies`.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { examplePlace } from './example-place.ts'
import { policies } from './statements.ts'

for (const [name, policyFor] of Object.entries(policies))
  await writeFile(join(import.meta.dirname, `${name}.json`), JSON.stringify(policyFor(examplePlace), undefined, 2))
