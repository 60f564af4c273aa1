import type { CDPSession, Page } from 'playwright-core'

export type Line = { bitsPerSecond: number; latencyMs: number }

/** A phone far from its mast. */
export const weakLine: Line = { bitsPerSecond: 1_600_000, latencyMs: 150 }

/** Gives a page a slower line than the machine has. */
export async function throttle(page: Page, { bitsPerSecond, latencyMs }: Line): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: latencyMs,
    downloadThroughput: bitsPerSecond / 8,
    uploadThroughput: bitsPerSecond / 8,
  })
  return session
}
