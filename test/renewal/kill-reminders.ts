import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Db } from '../../src/database/connection/client.ts'
import { openMailServer, type MailServerForTests } from '../mail/mail-server.ts'
import type { Random } from '../kill/scene/random.ts'
import { programVariables } from '../support/service/program-variables.ts'
import { compareReminders, type ReminderCounts } from './compare-reminders.ts'
import { morning } from './renewal-scene.ts'
import { seedAdministrators, seedFirms } from './seed-firms.ts'
import type { Morning } from './reminder-worker.ts'

type Options = {
  database: { db: Db; url: string }
  firms: number
  days: number
  /** The number of days on which workers are killed. */
  kills: number
  random: Random
}

export type KilledReminders = ReminderCounts & { kills: number; seconds: number; differences: string[] }

export const firstDay = '2099-01-01'

/**
 * Two workers do the work of each morning at once, over many days. On some days one is killed with kill −9 after a random
 * time, or both while a mail has arrived whole and has no answer yet. A killed worker starts again and repeats the day.
 * Compares digests, messages and mails with what the last days of the documents require.
 */
export async function killReminders({
  database,
  firms: count,
  days,
  kills,
  random,
}: Options): Promise<KilledReminders> {
  const startedAt = performance.now()
  const mailServer = await openMailServer()
  const firms = await seedFirms(database.db, { count, firstDay, random })
  const administrators = await seedAdministrators(database.db)
  const workers = [0, 1].map(() => new Worker({ databaseUrl: database.url, mailUrl: mailServer.url }))
  let killed = 0
  try {
    const dangerous = new Set<number>()
    while (dangerous.size < Math.min(kills, days)) dangerous.add(random.between(0, days - 1))
    let dayMs = 100
    // The last day has no reminders: it sends what a killed worker had claimed.
    for (let day = 0; day <= days; day += 1) {
      const begunAt = performance.now()
      const asOf = morning(firstDay, day).toISOString()
      if (day === days) await database.db.updateTable('security_firms').set({ is_locked: true }).execute()
      const over = Promise.all(workers.map((worker) => worker.complete({ asOf })))
      if (dangerous.has(day)) killed += await endSome(workers, mailServer, { random, dayMs, over })
      await over
      if (!dangerous.has(day)) dayMs = performance.now() - begunAt
    }
    const seeded = { firms, administrators, firstDay, days }
    const compared = await compareReminders(database.db, seeded, mailServer.received)
    return { ...compared, kills: killed, seconds: (performance.now() - startedAt) / 1000 }
  } finally {
    for (const worker of workers) worker.kill()
    await mailServer.close()
  }
}

type Ending = { random: Random; dayMs: number; over: Promise<unknown> }

/** Returns how many processes were killed before the work of the day was over. */
async function endSome(workers: Worker[], mailServer: MailServerForTests, ending: Ending): Promise<number> {
  const { random, dayMs, over } = ending
  if (random.percent(50)) {
    await sleep(random.between(0, Math.ceil(dayMs)))
    return Number(random.oneOf(workers).kill())
  }
  let left = random.between(1, 5)
  let killed = 0
  // Both: this mail is of one of them.
  mailServer.faults.afterData = () => {
    left -= 1
    if (left === 0) killed += workers.filter((worker) => worker.kill()).length
    return undefined
  }
  await over
  mailServer.faults.afterData = undefined
  return killed
}

type Running = { child: ChildProcess; ended: Promise<number | 'killed'> }

class Worker {
  readonly #env: Record<string, string>
  #running: Running | undefined

  constructor({ databaseUrl, mailUrl }: { databaseUrl: string; mailUrl: string }) {
    this.#env = {
      ...programVariables(),
      DATABASE_URL: databaseUrl,
      JWT_SECRET_KEY: 'a secret for tests that nobody else has',
      SMTP_URL: mailUrl,
      PUBLIC_URL: 'https://documents.example',
    }
  }

  /** Does the work of a morning, again after each kill. Throws if the process ended by itself. */
  async complete(morningOf: Morning): Promise<void> {
    for (;;) {
      const { child, ended } = (this.#running ??= await this.#start())
      const done = once(child, 'message').then(() => 'done' as const)
      // A process that died has no channel any more; `ended` says so.
      child.send(morningOf, () => undefined)
      const outcome = await Promise.race([done, ended])
      if (outcome === 'done') return
      if (outcome !== 'killed') throw new Error(`a worker ended with ${outcome}`)
      this.#running = undefined
    }
  }

  /** kill −9; false if it does not run. */
  kill(): boolean {
    return this.#running?.child.kill('SIGKILL') ?? false
  }

  async #start(): Promise<Running> {
    const child = fork(join(import.meta.dirname, 'reminder-worker.ts'), { env: this.#env, stdio: 'inherit' })
    const ended = once(child, 'exit').then(([code]: (number | null)[]) => code ?? ('killed' as const))
    const first = await Promise.race([once(child, 'message'), ended])
    if (!Array.isArray(first)) throw new Error(`a worker did not start: ${first}`)
    return { child, ended }
  }
}
