import type { Fault, FaultProxy } from '../../support/service/fault-proxy.ts'
import type { ScannerState } from './model.ts'

/** What becomes of connections to a service that this one stands on. */
export type Spoiler = (state: Trouble, afterBytes?: number) => Promise<void>

type Trouble = Exclude<ScannerState, 'none'>

/** Sets it for whatever goes through a proxy; what it does already is not done again. */
export function makeSpoiler(proxy: FaultProxy, latencyMs: number): Spoiler {
  let isUp = true
  return async (state, afterBytes = 0) => {
    if (state === 'up' && isUp) return
    isUp = state === 'up'
    proxy.setFault(faultOf(state, { afterBytes, latencyMs }))
    // The service keeps connections: good ones would be spared the fault, and bad ones would outlast it.
    await proxy.cutAll()
  }
}

function faultOf(state: Trouble, { afterBytes, latencyMs }: { afterBytes: number; latencyMs: number }): Fault {
  switch (state) {
    case 'up':
      return { kind: 'none' }
    case 'down':
      return { kind: 'refuse' }
    case 'slow':
      return { kind: 'slow', latencyMs }
    case 'cutting':
      // Requests where they are long enough, else answers.
      return { kind: afterBytes === 0 ? 'cut_down' : 'cut_up', afterBytes }
  }
}
