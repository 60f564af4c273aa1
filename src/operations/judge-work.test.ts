import { describe, expect, test } from 'vitest'

import type { RunRecord } from '../database/work/job-runs.ts'
import type { StoreId } from '../vocabulary/vocabulary.ts'
import { judgeJob, judgeOutside, judgeTask, type OutsideWork, type PlannedJob, type PlannedTask } from './judge-work.ts'

const at = (time: string) => new Date(`2026-11-${time}Z`)

const nightly: PlannedJob = {
  name: 'nightly',
  description: 'Works at night.',
  by: 'one_instance',
  schedule: '43 1 * * *',
}
const never: RunRecord = {
  task: 'nightly',
  disk: null,
  knownSince: at('20T12:00:00'),
  runningSince: null,
  runningOn: null,
  isAlive: false,
  startedAt: null,
  endedAt: null,
  endedBy: null,
  outcome: null,
  error: null,
  did: null,
  succeededAt: null,
}
const went: RunRecord = {
  ...never,
  startedAt: at('21T01:43:10'),
  endedAt: at('21T01:50:00'),
  endedBy: 'one:1',
  outcome: 'ok',
  did: { files: 3 },
  succeededAt: at('21T01:50:00'),
}
const judgedAt = (now: string, run: RunRecord | undefined) =>
  judgeJob(nightly, run, { now: at(now), tablesSince: at('01T00:00:00') })

describe('a nightly job', () => {
  test('that succeeded last night is in time, and due the next night', () => {
    expect(judgedAt('21T12:00:00', went)).toMatchObject({
      overdueSeconds: 0,
      runningSince: null,
      last: { outcome: 'ok', instance: 'one:1', did: { files: 3 } },
      nextAt: at('22T01:43:00'),
    })
  })

  test.each([
    ['22T01:58:00', 0],
    ['22T01:58:01', 901],
  ])('has a tolerance of a quarter of an hour: at %s it is %i seconds late', (now, seconds) => {
    expect(judgedAt(now, went).overdueSeconds).toBe(seconds)
  })

  test('that fails every night is late, whatever the number of attempts', () => {
    const failed: RunRecord = {
      ...went,
      startedAt: at('23T01:43:00'),
      outcome: 'failed',
      error: 'S3 is away.',
      did: null,
    }
    expect(judgedAt('23T02:00:00', failed)).toMatchObject({
      last: { outcome: 'failed', error: 'S3 is away.' },
      overdueSeconds: 24 * 3600 + 17 * 60,
    })
  })

  test('that is running is not late while the queue gets its heartbeat', () => {
    const atWork: RunRecord = { ...went, runningSince: at('22T01:43:10'), runningOn: 'two:2', isAlive: true }
    const heard = judgedAt('22T04:00:00', atWork)
    const unheard = judgedAt('22T04:00:00', { ...atWork, isAlive: false })

    expect(heard).toMatchObject({ runningSince: at('22T01:43:10'), last: { outcome: 'ok' }, overdueSeconds: 0 })
    expect(unheard).toMatchObject({
      runningSince: null,
      last: { outcome: 'broken_off', instance: 'two:2', startedAt: at('22T01:43:10'), endedAt: null },
    })
    expect(unheard.overdueSeconds).toBeGreaterThan(0)
  })

  test('that a worker has just registered is not late before its first night is over', () => {
    expect(judgedAt('20T23:00:00', never)).toMatchObject({ last: null, overdueSeconds: 0 })
    expect(judgedAt('21T02:00:00', never).overdueSeconds).toBe(17 * 60)
  })

  test('that no worker has registered is late from the creation of the tables on', () => {
    expect(judgedAt('20T12:00:00', undefined).overdueSeconds).toBeGreaterThan(18 * 24 * 3600)
  })
})

describe('a task of each disk', () => {
  const drain: PlannedTask = { name: 'drain', description: 'Drains.', by: 'each_disk', everySeconds: 60 }
  const onDisk: RunRecord = { ...went, task: 'drain', disk: 'a disk' as StoreId }
  const judgedOn = (now: string, run: RunRecord, isActive: boolean) => judgeTask(drain, run, { now: at(now), isActive })

  test('is late if other tasks of that disk run and this one does not', () => {
    expect(judgedOn('21T01:55:00', onDisk, true)).toMatchObject({ overdueSeconds: 0, isGone: false })
    expect(judgedOn('21T02:10:00', onDisk, true).overdueSeconds).toBe(19 * 60)
  })

  test('is not late if no instance has the disk', () => {
    expect(judgedOn('25T00:00:00', onDisk, false)).toMatchObject({ overdueSeconds: 0, isGone: true, nextAt: null })
  })

  test('may run for up to six hours', () => {
    const long = { ...onDisk, runningSince: at('21T02:00:00'), runningOn: 'one:1' }
    expect(judgedOn('21T08:00:00', long, true)).toMatchObject({ overdueSeconds: 0, runningSince: at('21T02:00:00') })
    expect(judgedOn('21T08:01:00', long, true).overdueSeconds).toBeGreaterThan(0)
  })
})

describe('work that an operator starts', () => {
  const times = { now: at('21T12:00:00'), tablesSince: at('01T00:00:00') }
  const promised: OutsideWork = {
    name: 'copy',
    description: 'Copies.',
    by: 'outside',
    dueEverySeconds: 24 * 3600,
    findLast: async () => undefined,
  }
  const { dueEverySeconds: _unset, ...unpromised } = promised
  const done = { endedAt: at('20T11:00:00'), outcome: 'ok' as const, did: {} }

  test('is late only with a configured interval, also before the first run', () => {
    expect(judgeOutside(promised, done, times).overdueSeconds).toBe(3600)
    expect(judgeOutside(promised, undefined, times).overdueSeconds).toBeGreaterThan(0)
    expect(judgeOutside(unpromised, done, times)).toMatchObject({ overdueSeconds: 0, schedule: null })
  })

  test('that failed does not count as done', () => {
    const failed = { ...done, endedAt: at('21T11:00:00'), outcome: 'failed' as const }
    expect(judgeOutside(promised, failed, times)).toMatchObject({ last: { outcome: 'failed' }, succeededAt: null })
    expect(judgeOutside(promised, failed, times).overdueSeconds).toBeGreaterThan(0)
  })
})
