import { expect, it } from 'vitest'

import type { ReadinessShape } from '../../src/contract/operations.ts'
import { clamdInHand } from '../support/run/controlled-clamd.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const clamd = await clamdInHand()
  closing.defer(() => clamd.remove())
  const service = await startService({ CLAMD_URL: clamd.url })
  closing.defer(() => service.stop())
  return { clamd, service }
})

async function ready(): Promise<ReadinessShape & { code: number }> {
  const answer = await fetch(`${scene.service.url}/readyz`)
  return { code: answer.status, ...((await answer.json()) as ReadinessShape) }
}

it('the service is ready with an answering scanner, and degraded without, since files are still stored', async () => {
  await expect.poll(ready).toMatchObject({ code: 200, status: 'ready', checks: { scanner: { state: 'ok' } } })

  await scene.clamd.stop()
  await expect.poll(ready).toMatchObject({
    code: 200,
    status: 'degraded',
    checks: { scanner: { state: 'failed', message: expect.stringContaining('New files are stored and not served') } },
  })

  await scene.clamd.start()
  await expect.poll(async () => (await ready()).status).toBe('ready')
})
