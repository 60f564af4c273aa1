import { afterAll, beforeAll, describe } from 'vitest'

import { proveAdministrators, proveNewTypes } from './administrators.ts'
import { proveDownloads } from './downloads.ts'
import { proveFirms } from './firms.ts'
import { proveMetrics, proveOperations } from './operations.ts'
import { provePeople } from './people.ts'
import { proveRefusals } from './rejections.ts'
import { type Scene, setScene } from './scene.ts'
import type { Target, TargetToOpen } from './targets.ts'
import { proveTrash } from './trash.ts'
import { proveLimit, proveUploads } from './uploads.ts'

type Proof = { about: string; prove: (scene: () => Scene) => void }

/** All acceptance tests for one address. */
export function proveService(toOpen: TargetToOpen): void {
  let target: Target | undefined
  let current: Scene | undefined
  beforeAll(async () => {
    target = await toOpen.open()
    current = await setScene(target)
  })
  afterAll(async () => target?.close())

  const scene = () => {
    if (current === undefined) throw new Error('the scene is not set')
    return current
  }

  describe.each(proofsFor(toOpen))('$about', ({ prove }) => {
    prove(scene)
  })
}

function proofsFor({ isOurs, hasAdmin }: TargetToOpen): Proof[] {
  return [
    { about: 'people', prove: provePeople },
    { about: 'firms', prove: proveFirms },
    { about: 'uploads', prove: proveUploads },
    { about: 'downloads', prove: proveDownloads },
    { about: 'the trash', prove: proveTrash },
    { about: 'errors', prove: proveRefusals },
    { about: 'operations', prove: proveOperations },
    ...(hasAdmin ? [{ about: 'administrators', prove: proveAdministrators }] : []),
    ...(isOurs ? [{ about: 'limits', prove: proveLimit }] : []),
    ...(isOurs ? [{ about: 'metrics', prove: proveMetrics }] : []),
    ...(isOurs ? [{ about: 'new types', prove: proveNewTypes }] : []),
  ]
}
