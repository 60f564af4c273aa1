import { expect, test } from 'vitest'

import { createLogger } from '../../logging/logger.ts'
import { clearingProgress, describeProgress, formatCount, createPrinter, progressOf, showProgress } from './printer.ts'

test('the progress has counts, bytes, the rate and the time left', () => {
  const done = { files: 1204, bytes: 118_000_000 }
  const total = { files: 10_000, bytes: 1_000_000_000 }
  expect(describeProgress(done, total, 12)).toBe('1 204 of 10 000 files, 118 MB of 1.0 GB, 9.8 MB/s, 1 min 29 s left')
})

test('without known bytes, the progress has only files', () => {
  const [done, total] = [
    { files: 25, bytes: 0 },
    { files: 100, bytes: 0 },
  ]
  expect(describeProgress(done, total, 10)).toBe('25 of 100 files, 30 s left')
  expect(progressOf(done, total, 10)).toMatchObject({ files: 25, files_per_second: 2.5, seconds_left: 30 })
})

test('the time left is missing before the first file, and 0 if there are no files', () => {
  const total = { files: 100, bytes: 1000 }
  expect(describeProgress({ files: 0, bytes: 0 }, total, 1)).toBe('0 of 100 files, 0 B of 1.0 KB, 0 B/s')
  expect(progressOf({ files: 0, bytes: 0 }, { files: 0, bytes: 0 }, 1)).toMatchObject({ seconds_left: 0 })
})

test.each([
  [0, '0 files'],
  [1, '1 file'],
  [2, '2 files'],
  [1_204_000, '1 204 000 files'],
])('%i has its noun in singular or plural', (count, says) => {
  expect(formatCount(count, 'file')).toBe(says)
})

test('the noun follows the total', () => {
  const one = { files: 1, bytes: 2000 }
  expect(describeProgress({ files: 0, bytes: 0 }, one, 1)).toBe('0 of 1 file, 0 B of 2.0 KB, 0 B/s')
  expect(describeProgress(one, { files: 2, bytes: 4000 }, 2)).toBe('1 of 2 files, 2.0 KB of 4.0 KB, 1.0 KB/s, 2 s left')
})

test.each([true, false])('a log line clears the progress bar first (terminal: %s)', (isTTY) => {
  const written: string[] = []
  // The bar and the log use nothing else of a stream.
  const stream = Object.assign(Object.create(process.stderr) as NodeJS.WriteStream, {
    isTTY,
    write: (text: string) => written.push(text) > 0,
  })
  const log = createLogger({ level: 'error', isTerminal: isTTY, destination: clearingProgress(stream) })
  const progress = showProgress(createPrinter(false, stream), { files: 2, bytes: 10 }, stream)

  progress.update({ files: 1, bytes: 5 })
  log.error({ event: 'a test' }, 'something failed')
  progress.end()

  const shown = written
    .join('')
    .split('\n')
    .map((line) => line.split('\r\u001b[K').at(-1))
  const line = shown.find((each) => each?.includes('something failed'))
  expect(line).toBeDefined()
  expect(line).not.toContain('of 2 files')
  expect(written.some((text) => text.includes('of 2 files'))).toBe(isTTY)
  expect(written.some((text) => text.includes('\u001b[K'))).toBe(isTTY)
})
