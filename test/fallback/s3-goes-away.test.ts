import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { migrate, type Migration } from '../../src/documents/moving/migrate-files.ts'
import type { MoveResult } from '../../src/documents/moving/move-all.ts'
import type { Waiting } from '../../src/documents/stores/wait-for-s3.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { type FailingS3, openFailingS3, versionsOf } from '../support/fallback/failing-s3.ts'

const documents = 12

let s3: FailingS3
let firmId: FirmId

beforeAll(async () => {
  s3 = await openFailingS3()
})
afterAll(async () => s3.close())
beforeEach(async () => {
  firmId = await makeFirm(s3.service.app)
  const member = await makeMember(s3.service.app, firmId)
  for (let number = 0; number < documents; number += 1) await uploadDocument(s3.service.url, firmId, member)
})
afterEach(async () => s3.mend())

test.each<[what: string, patienceMs: number, byHand: boolean, reported: Waiting[]]>([
  ['somebody ends a migration that waits for S3', 60_000, true, ['waiting']],
  ['S3 stays away for too long', 0, false, ['waiting', 'given_up']],
])(
  'where %s, what was under way is left, did not fail, and goes with the next run',
  async (_what, patienceMs, byHand, reported) => {
    await s3.spoil({ kind: 'refuse' })
    const states: Waiting[] = []
    const settled: MoveResult[] = []
    const ending = new AbortController()

    const ended = await comeBack({
      patienceMs,
      signal: ending.signal,
      onResult: (each) => settled.push(each),
      onWaiting(state) {
        states.push(state)
        if (byHand) ending.abort()
      },
    })

    expect(settled).toEqual([])
    expect(states).toEqual(reported)
    expect(ended).toMatchObject({ isComplete: false, outcomes: { moved: 0, failed: 0 } })
    await s3.mend()
    expect(await comeBack({})).toMatchObject({ isComplete: true, outcomes: { moved: documents, failed: 0 } })
    expect(new Set((await versionsOf(s3.service, firmId)).map(({ store }) => store))).toEqual(new Set(['local']))
  },
)

test('a command that waits for S3 prints that it is back, and completes', async () => {
  await s3.spoil({ kind: 'refuse' })
  const states: Waiting[] = []

  const ended = await comeBack({
    onWaiting(state) {
      states.push(state)
      if (state === 'waiting') s3.proxy.setFault({ kind: 'none' })
    },
  })

  expect(ended).toMatchObject({ isComplete: true, outcomes: { moved: documents, failed: 0 } })
  expect(states).toEqual(['waiting', 'back'])
})

function comeBack(way: Partial<Migration>) {
  return migrate(s3.service.app, systemActor('a test'), {
    to: 'local',
    firmId,
    concurrency: 8,
    bytesPerSecond: undefined,
    deletesSource: false,
    patienceMs: 60_000,
    signal: new AbortController().signal,
    onResult: () => undefined,
    onWaiting: () => undefined,
    ...way,
  })
}
