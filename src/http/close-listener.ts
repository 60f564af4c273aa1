import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'

/** How many connections were taken so far, and those over which nothing was asked yet. */
export type TakenConnections = { taken: () => number; silent: ReadonlySet<Socket> }

/** A turn is to be this short, as long as that can be had. */
const shortTurnMs = 0.3
const mostMsForShortTurn = 500
const lookMs = 5

/**
 * Takes no new connections; those that it has are served on, but for the idle. A proxy that has just opened one asks over it in a
 * moment: that is waited for. One that stays silent is cut after `hearMs`; it would hold up the end for nothing.
 */
export async function closeListener(
  server: Server,
  connections: TakenConnections,
  { quietMs, hearMs }: { quietMs: number; hearMs: number },
): Promise<void> {
  await untilQuiet(connections, quietMs)
  // Node's own, at once: the framework's has a long way to it, on which others connect.
  server.close()
  const giveUpAt = performance.now() + hearMs
  while (connections.silent.size > 0 && performance.now() < giveUpAt) await sleep(lookMs)
  for (const socket of connections.silent) socket.destroy()
}

/**
 * Connections wait with the system until a turn of the event loop takes them, one at each turn, and the system resets
 * those that still wait when the listener closes. So it closes after a turn in which none came, a short one if the
 * process has such: whoever comes within that turn is reset.
 */
async function untilQuiet({ taken }: TakenConnections, quietMs: number): Promise<void> {
  const startedAt = performance.now()
  for (let isQuiet = false; !isQuiet && msSince(startedAt) < quietMs;) {
    const [began, before] = [performance.now(), taken()]
    await turn()
    const isShort = msSince(began) < shortTurnMs || msSince(startedAt) > mostMsForShortTurn
    isQuiet = taken() === before && isShort
  }
}

function msSince(moment: number): number {
  return performance.now() - moment
}
