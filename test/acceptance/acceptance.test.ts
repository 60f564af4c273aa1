import { describe } from 'vitest'

import { proveService } from './prove-service.ts'
import { chooseTargets } from './targets.ts'

describe.each(chooseTargets(process.env))('the service $name', (toOpen) => {
  proveService(toOpen)
})
