import type { ConnectionStep } from './connection-step.ts'

// Requests are refused only at 15 minutes; links begin and end wrongly long before.
const mostAheadMs = 60_000

export const clockAdvice = 'Set this machine’s clock, and let it be kept right, for example: timedatectl set-ntp true'

/** Compares this machine's clock with the one in S3's answers. */
export const readClock: ConnectionStep = {
  step: 'clock',
  title: 'Clock agrees with S3’s',
  after: ['credentials'],
  right: '',
  async run({ seen: { clockAheadMs } }) {
    if (clockAheadMs === undefined) return { outcome: 'skipped', says: 'Clock: not compared, since no S3 answered' }
    if (Math.abs(clockAheadMs) <= mostAheadMs) return 'ok'
    return { outcome: 'failed', says: `This machine’s clock is ${describeClock(clockAheadMs)}`, advice: clockAdvice }
  },
}

/** `1 min 5 s behind S3’s`. */
export function describeClock(aheadMs: number): string {
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const time = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`)
  return `${time.join(' ') || '0 s'} ${aheadMs < 0 ? 'behind' : 'ahead of'} S3’s`
}
