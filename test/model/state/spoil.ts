import type { Fault, FaultProxy } from '../../support/service/fault-proxy.ts'
import type { ScannerState } from './model.ts'

/** Faults of the connections to a service. */
export type Spoiler = (state: Trouble, afterBytes?: number) => Promise<void>

type Trouble = Exclude<ScannerState, 'none'>

/** Sets a fault for all connections through a proxy. Does nothing if it is set already. */
export function makeSpoiler(proxy: FaultProxy, latencyMs: number): Spoiler {
  let isUp = true
  return async (state, afterBytes = 0) => {
    if (state === 'up' && isUp) return
    isUp = state === 'up'
    proxy.setFault(faultOf(state, { afterBytes, latencyMs }))
    // The service keeps connections open: good ones would escape the fault, and bad ones would outlast it.
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
      // In requests if they are long enough, else in answers.
      return { kind: afterBytes === 0 ? 'cut_down' : 'cut_up', afterBytes }
  }
}
