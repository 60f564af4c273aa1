import type { Requester } from '../../logging/spans.ts'
import { WaitedTooLong } from './postgres-errors.ts'

/** Ends the use of a connection. */
type Leave = () => void

type Shares = {
  /** Connections that the requests of one person use at once. Requests without a person count as one of their network. */
  perPerson: number
  /** The same for one network, with all people behind it. */
  perNetwork: number
  maxWaitMs: number
}

/**
 * Lets each person and each network use a part of the pool's connections at once. Further requests of theirs wait here,
 * in their order, before they take a connection: many requests for one locked row then delay only each other. Work
 * without a requester, such as a job, takes connections freely. Throws `WaitedTooLong`.
 */
export function shareConnections({ perPerson, perNetwork, maxWaitMs }: Shares) {
  const ofPeople = createTurns(perPerson)
  const ofNetworks = createTurns(perNetwork)

  return async function enter(requester: Requester | undefined): Promise<Leave> {
    if (requester === undefined) return () => undefined
    // It would wait for a share that its own transaction occupies.
    if (requester.connections === 0) return await enterAll(requester)
    return count(requester, () => undefined)
  }

  async function enterAll(requester: Requester): Promise<Leave> {
    const { person, network } = requester
    const deadline = performance.now() + maxWaitMs
    const leavePerson = await ofPeople(person ?? `of ${network}`, deadline)
    try {
      const leaveNetwork = await ofNetworks(network, deadline)
      return count(requester, () => {
        leaveNetwork()
        leavePerson()
      })
    } catch (error) {
      leavePerson()
      throw error
    }
  }
}

/** A request knows how many connections it uses. */
function count(requester: Requester, leave: Leave): Leave {
  requester.connections += 1
  return () => {
    requester.connections -= 1
    leave()
  }
}

type Line = { inUse: number; waiting: Set<() => void> }

/** Takes one of `max` turns of a key. The first that waits gets the next one. */
function createTurns(max: number) {
  const lines = new Map<string, Line>()

  function leave(key: string, line: Line): void {
    const [next] = line.waiting
    if (next !== undefined) return next()
    line.inUse -= 1
    if (line.inUse === 0) lines.delete(key)
  }

  return async function take(key: string, deadline: number): Promise<Leave> {
    const line = lines.get(key) ?? { inUse: 0, waiting: new Set() }
    lines.set(key, line)
    if (line.inUse < max) line.inUse += 1
    else await waitIn(line, deadline)
    return () => leave(key, line)
  }
}

function waitIn({ waiting }: Line, deadline: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const start = () => {
      clearTimeout(timer)
      waiting.delete(start)
      resolve()
    }
    const giveUp = () => {
      waiting.delete(start)
      reject(new WaitedTooLong('other requests of the same person or network used the database'))
    }
    const timer = setTimeout(giveUp, deadline - performance.now())
    waiting.add(start)
  })
}
