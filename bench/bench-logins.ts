import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { postJson } from '../test/support/http/post-json.ts'
import { type Spread, spreadOf } from './figures/measure.ts'
import type { Bench } from './load/prepare.ts'
import { startService } from './load/start-service.ts'

export type LoginResult = {
  quietMs: Spread
  attackedMs: Spread
  /** The time of a right login during the attack divided by its time before, round by round. */
  times: Spread
}

const wrongLogins = 300
const loginsARound = 5

/**
 * A right login before and during an attack: 300 connections of another network send a wrong login each, and again a
 * second after each answer. Rate limits are off, so that only the queue of passwords protects.
 */
export async function benchLogins(bench: Bench): Promise<LoginResult> {
  await using opened = new AsyncDisposableStack()
  const service = await startService(bench, { maxUploadBytes: 10 * 1024 * 1024, trustProxy: '127.0.0.1' })
  opened.defer(() => service.stop())
  const person = { email: 'sipho@firm.example', password: randomBytes(16).toString('hex') }
  await postJson(`${service.url}/api/v1/auth/register`, { ...person, first_name: 'Sipho', last_name: 'Dlamini' })

  const logIn = loginsTo(service.url)

  const rounds: { quiet: number; attacked: number }[] = []
  for (let round = 0; round < bench.rounds; round += 1) {
    bench.signal.throwIfAborted()
    bench.print(`Logins, round ${round + 1}.`)
    // Networks that the person never logged in from: nothing gives them precedence.
    const quiet = await medianMs(() => logIn(`203.0.${round}.7`, person))
    const attack = startAttack(logIn, `198.51.${round}`)
    try {
      await sleep(500)
      rounds.push({ quiet, attacked: await medianMs(() => logIn(`203.1.${round}.7`, person)) })
    } finally {
      await attack.end()
    }
  }
  return {
    quietMs: spreadOf(rounds.map(({ quiet }) => quiet)),
    attackedMs: spreadOf(rounds.map(({ attacked }) => attacked)),
    times: spreadOf(rounds.map(({ quiet, attacked }) => attacked / quiet)),
  }
}

type LogIn = (ip: string, login: { email: string; password: string }) => Promise<number>

function loginsTo(url: string): LogIn {
  return async (ip, login) => {
    const response = await fetch(`${url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': ip },
      body: JSON.stringify(login),
    })
    await response.arrayBuffer()
    return response.status
  }
}

/** The median time of several logins, one after the other, which must succeed. */
async function medianMs(logIn: () => Promise<number>): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < loginsARound; count += 1) {
    const startedAt = performance.now()
    const status = await logIn()
    if (status !== 200) throw new Error(`a right login was answered with ${status}`)
    times.push(performance.now() - startedAt)
  }
  return spreadOf(times).median
}

function startAttack(logIn: LogIn, network: string): { end: () => Promise<void> } {
  const over = new AbortController()
  const guesses = Array.from({ length: wrongLogins }, async (_, guess) => {
    const login = { email: `guess-${guess}@firm.example`, password: 'a wrong password' }
    while (!over.signal.aborted) {
      await logIn(`${network}.${guess % 250}`, login)
      await sleep(1000)
    }
  })
  return {
    async end() {
      over.abort()
      await Promise.all(guesses)
    },
  }
}
