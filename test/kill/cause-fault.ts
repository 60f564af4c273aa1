import { setTimeout as sleep } from 'node:timers/promises'

import type { Scene } from './scene/open-scene.ts'
import { plantWrongBytes } from './scene/corrupt-bytes.ts'
import type { CyclePlan, Happening } from './plan-cycle.ts'
import type { Instance } from '../support/service/start-instance.ts'
import { causeTrouble } from './cause-trouble.ts'
import { type Random, randomOf } from './scene/random.ts'
import { settleAll } from './scene/settle-all.ts'
import { startMigration } from './scene/start-migration.ts'
import type { Tally } from './clients/tally.ts'

type Needs = { scene: Scene; tally: Tally; signal: AbortSignal }

/**
 * Runs all faults of a cycle. When it returns, all instances run, every connection works, and the clients have noticed.
 */
export async function befall(needs: Needs, plan: CyclePlan): Promise<void> {
  const { instances, s3Proxy } = needs.scene
  const turns = new Map<Instance, number>()
  await settleAll([
    sleep(plan.workMs, undefined, { signal: needs.signal }),
    ...plan.happenings.map(async (happening) => {
      await sleep(happening.atMs, undefined, { signal: needs.signal })
      await happen(needs, happening, turns)
    }),
  ])
  s3Proxy.setFault({ kind: 'none' })
  // An instance that was killed again during its start is still down.
  for (const instance of instances) if (!instance.isUp()) await instance.start()
  for (const trouble of plan.troubles) await causeTrouble(needs, trouble)
  await sleep(plan.stableMs, undefined, { signal: needs.signal })
}

async function happen(needs: Needs, happening: Happening, turns: Map<Instance, number>): Promise<void> {
  const { scene, tally, signal } = needs
  switch (happening.kind) {
    case 'kill':
      return killAndRestart(needs, happening, turns)
    case 'cut_database':
      tally.troubled()
      return scene.cutDatabase()
    case 'cut_s3':
      tally.troubled()
      return scene.s3Proxy.cutAll()
    case 's3_answers_lost':
    case 's3_out':
      tally.troubled()
      scene.s3Proxy.setFault(happening.kind === 's3_out' ? { kind: 'refuse' } : { kind: 'cut_down', afterBytes: 0 })
      await scene.s3Proxy.cutAll()
      await sleep(happening.forMs, undefined, { signal })
      scene.s3Proxy.setFault({ kind: 'none' })
      return
    case 'migrate':
      return migrateAndKill(needs, happening)
  }
}

async function migrateAndKill(
  { scene, tally, signal }: Needs,
  { instance: index, to, killAfterMs, plantsWrongBytes }: Extract<Happening, { kind: 'migrate' }>,
): Promise<void> {
  const migration = startMigration(requireInstance(scene, index), to, signal)
  const ended = new AbortController()
  void migration.ended.then(() => ended.abort())
  await migration.begun
  await sleep(killAfterMs, undefined, { signal: AbortSignal.any([ended.signal, signal]) }).catch(() => undefined)
  if (migration.kill()) tally.killed()
  await migration.ended
  if (plantsWrongBytes) await plantWrongBytes(scene, everyOther)
}

/** If the order depends on timing, no number of the schedule is drawn. */
const everyOther: Random = randomOf('every other')

type Kill = Extract<Happening, { kind: 'kill' }>

async function killAndRestart(
  { scene, tally, signal }: Needs,
  kill: Kill,
  turns: Map<Instance, number>,
): Promise<void> {
  const instance = requireInstance(scene, kill.instance)
  const turn = (turns.get(instance) ?? 0) + 1
  turns.set(instance, turn)
  // The last one to kill it starts it again, so that no two processes of one instance run.
  const isOurs = () => turns.get(instance) === turn
  const again = kill.againAfterMs === undefined ? [] : [kill.againAfterMs]
  for (const afterMs of [0, ...again]) {
    await sleep(afterMs, undefined, { signal })
    if (!isOurs()) return
    if (await instance.kill()) tally.killed()
    if (kill.plantsWrongBytes) await plantWrongBytes(scene, everyOther)
    await sleep(kill.downMs, undefined, { signal })
    if (isOurs()) await instance.start()
  }
}

function requireInstance({ instances }: Scene, index: number): Instance {
  const instance = instances[index]
  if (instance === undefined) throw new Error(`there is no instance ${index}`)
  return instance
}
