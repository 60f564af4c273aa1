import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type ClamdOptions, clamdNeed, type RunningClamd, startClamd } from '../services/programs/clamd.ts'
import { ensureInstalled } from '../services/packages/install-packages.ts'

export type ClamdInHand = {
  /** In the form of `CLAMD_URL`; the same after every start. */
  url: string
  port: number
  folder: string
  socketPath: string
  start(): Promise<void>
  stop(): Promise<void>
  /** Ends it finally. */
  remove(): Promise<void>
}

/** A clamd for one test file, which may stop and start it; installed if necessary. */
export async function clamdInHand(settings: ClamdOptions['settings'] = {}): Promise<ClamdInHand> {
  await ensureInstalled([clamdNeed])
  const folder = await mkdtemp(join(tmpdir(), 'paniq-clamd-'))
  let running: RunningClamd | undefined = await startClamd(folder, { settings })
  const { port, address, socketPath } = running
  const stop = async () => {
    await running?.stop()
    running = undefined
  }
  return {
    url: address.url,
    port,
    folder,
    socketPath,
    stop,
    async start() {
      running ??= await startClamd(folder, { port, settings })
    },
    async remove() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
