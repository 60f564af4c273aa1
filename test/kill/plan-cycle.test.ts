import { expect, it } from 'vitest'

import { planCycle } from './plan-cycle.ts'
import { randomOf } from './scene/random.ts'

const options = { instances: 2, s3Outages: true, migrations: true }
const planOf = (seed: string) => planCycle(randomOf(seed), options)
const plans = Array.from({ length: 200 }, (_, cycle) => planOf(`seed ${cycle}`))

it('the same seed gives the same cycle, another seed another one', () => {
  expect(planOf('a')).toEqual(planOf('a'))
  expect(planOf('a')).not.toEqual(planOf('b'))
})

it('every cycle has kills, and every kind of fault occurs, in order of time', () => {
  const happenings = plans.flatMap((plan) => plan.happenings)

  expect(plans.every((plan) => plan.happenings.some(({ kind }) => kind === 'kill'))).toBe(true)
  expect(new Set(happenings.map(({ kind }) => kind))).toEqual(
    new Set(['kill', 'cut_database', 'cut_s3', 's3_answers_lost', 's3_out', 'migrate']),
  )
  const troubles = plans.flatMap((plan) => plan.troubles)
  expect(new Set(troubles.map(({ kind }) => kind))).toEqual(new Set(['commits_lost', 's3_slow']))
  for (const { happenings: own } of plans) expect(own).toEqual(own.toSorted((a, b) => a.atMs - b.atMs))
})
