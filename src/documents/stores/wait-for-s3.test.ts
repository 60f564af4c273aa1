import { expect, test } from 'vitest'

import { createS3Wait, type Waiting } from './wait-for-s3.ts'

const never = new AbortController().signal

test('repeated outages share the patience unless work was finished between them', async () => {
  const { s3, fail } = createFlakyS3()
  const states: Waiting[] = []
  let moves = 0
  const onWaiting = (state: Waiting) => void states.push(state)
  // Less than a single wait takes.
  const s3IsBack = createS3Wait({ s3 }, { patienceMs: 100, signal: never, onWaiting, progress: () => moves })
  const ends: boolean[] = []

  for (const move of [0, 1, 0]) {
    fail()
    moves += move
    ends.push(await s3IsBack())
  }

  expect(ends).toEqual([true, true, false])
  expect(states).toEqual(['waiting', 'back', 'waiting', 'back', 'waiting', 'given_up'])
})

test('without a count of finished work, each wait has the full patience', async () => {
  const { s3, fail } = createFlakyS3()
  const s3IsBack = createS3Wait({ s3 }, { patienceMs: 100, signal: never, onWaiting: () => undefined })

  fail()
  const first = await s3IsBack()
  fail()

  expect([first, await s3IsBack()]).toEqual([true, true])
})

/** An S3 whose outage ends at the fourth look. */
function createFlakyS3() {
  let looks = 0
  const outage = { since: new Date(), trouble: 'no_answer' as const, s3Code: 'ECONNREFUSED' }
  return {
    s3: { outage: () => ((looks -= 1) >= 0 ? outage : undefined) },
    fail: () => void (looks = 3),
  }
}
