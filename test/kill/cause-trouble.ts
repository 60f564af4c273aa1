import { setTimeout as sleep } from 'node:timers/promises'

import type { Tally } from './clients/tally.ts'
import type { Trouble } from './plan-cycle.ts'
import type { Scene } from './scene/open-scene.ts'

type Needs = { scene: Scene; tally: Tally; signal: AbortSignal }

/** Returns when the fault is over. */
export async function causeTrouble({ scene, tally, signal }: Needs, trouble: Trouble): Promise<void> {
  const { databaseProxy, s3Proxy, s3Way } = scene
  tally.troubled()
  switch (trouble.kind) {
    case 'commits_lost':
      databaseProxy.hangAt(isCommit)
      await sleep(trouble.forMs, undefined, { signal })
      databaseProxy.hangAt(undefined)
      return scene.cutDatabase()
    case 's3_slow':
      s3Proxy.setFault({ kind: 'slow', bytesPerSecond: trouble.bytesPerSecond })
      await s3Proxy.cutAll()
      s3Way.isSlow = true
      await sleep(trouble.forMs, undefined, { signal })
      s3Way.isSlow = false
      s3Proxy.setFault({ kind: 'none' })
      // Existing connections would stay slow.
      return s3Proxy.cutAll()
  }
}

/** In PostgreSQL's protocol the text of a query ends with a zero byte. */
const isCommit = (piece: Buffer) => /commit\0$/i.test(piece.toString('latin1'))
