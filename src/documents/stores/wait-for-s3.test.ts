import { expect, test } from 'vitest'

import { createS3Wait, type Waiting } from './wait-for-s3.ts'

const never = new AbortController().signal

test('an S3 that comes and goes is waited for no longer than one that stays away, unless the work comes further between', async () => {
  const { s3, goAway } = comingAndGoing()
  const states: Waiting[] = []
  let moves = 0
  const onWaiting = (state: Waiting) => void states.push(state)
  // Less than a single wait takes.
  const s3IsBack = createS3Wait({ s3 }, { patienceMs: 100, signal: never, onWaiting, progress: () => moves })
  const ends: boolean[] = []

  for (const move of [0, 1, 0]) {
    goAway()
    moves += move
    ends.push(await s3IsBack())
  }

  expect(ends).toEqual([true, true, false])
  expect(states).toEqual(['waiting', 'back', 'waiting', 'back', 'waiting', 'given_up'])
})

test('where nobody says how far the work came, each wait has all of the patience', async () => {
  const { s3, goAway } = comingAndGoing()
  const s3IsBack = createS3Wait({ s3 }, { patienceMs: 100, signal: never, onWaiting: () => undefined })

  goAway()
  const first = await s3IsBack()
  goAway()

  expect([first, await s3IsBack()]).toEqual([true, true])
})

/** An S3 that is back when it is looked at for the fourth time. */
function comingAndGoing() {
  let looks = 0
  const outage = { since: new Date(), trouble: 'no_answer' as const, s3Code: 'ECONNREFUSED' }
  return {
    s3: { outage: () => ((looks -= 1) >= 0 ? outage : undefined) },
    goAway: () => void (looks = 3),
  }
}
