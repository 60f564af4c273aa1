import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'

import { expect, it } from 'vitest'

import { forwardStream } from './forward-stream.ts'

it('an error before the first read ends nothing, and a later reader gets it', async () => {
  const unheard: unknown[] = []
  const hear = (error: unknown) => void unheard.push(error)
  process.on('uncaughtException', hear)
  const source = new PassThrough()
  const failure = new Error('the disk failed')
  const output = forwardStream(source, () => failure)
  source.destroy(new Error('EIO'))
  await turn()
  await turn()
  process.off('uncaughtException', hear)

  expect(unheard).toEqual([])
  await expect(buffer(output)).rejects.toBe(failure)
})
