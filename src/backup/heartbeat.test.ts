import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

import { expect, test } from 'vitest'

import { notifyOnRead } from './heartbeat.ts'

test('every chunk is noticed and passed on unchanged', async () => {
  let moves = 0
  const source = Readable.from([Buffer.from('a'), Buffer.from('b')], { objectMode: false })

  const bytes = await buffer(notifyOnRead(source, () => void (moves += 1)))

  expect([bytes.toString(), moves]).toEqual(['ab', 2])
})

test('the reader gets the error of the source', async () => {
  const error = new Error('the line was cut')
  const source = new Readable({ read: () => undefined })
  const read = buffer(notifyOnRead(source, () => undefined))
  source.destroy(error)

  await expect(read).rejects.toBe(error)
})

test('a reader that stops closes the source', async () => {
  const source = new Readable({ read: () => undefined })
  const noticed = notifyOnRead(source, () => undefined)
  noticed.destroy()

  await new Promise((resolve) => void source.on('close', resolve))
  expect(source.destroyed).toBe(true)
})
