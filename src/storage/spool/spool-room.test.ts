import { expect, test } from 'vitest'

import { createSpoolSpace } from './spool.ts'

const megabyte = 1024 * 1024

/** A disk on which the spool lies, and what others put there. */
function diskOf(bytes: number) {
  let others = 0
  const room = createSpoolSpace(async () => ({ freeBytes: bytes - others - room.reservedBytes() }))
  return { room, fill: (more: number) => void (others += more) }
}

test('running uploads take at most half of the free space', async () => {
  const { room } = diskOf(100 * megabyte)
  for (let count = 0; count < 50; count += 1) await room.reserve(megabyte)

  await expect(room.reserve(1)).rejects.toMatchObject({ code: 'unavailable', cause: { code: 'ENOSPC' } })
  expect(room.reservedBytes()).toBe(50 * megabyte)
})

test('one chunk may be large', async () => {
  const { room } = diskOf(100 * megabyte)
  await room.reserve(50 * megabyte)

  await expect(room.reserve(1)).rejects.toThrow('the spool has no space')
})

test('released space is available at once', async () => {
  const { room } = diskOf(100 * megabyte)
  await room.reserve(50 * megabyte)
  room.release(20 * megabyte)

  await room.reserve(20 * megabyte)
  await expect(room.reserve(1)).rejects.toThrow('the spool has no space')
})

test('released space that another upload has taken is not available', async () => {
  const { room, fill } = diskOf(100 * megabyte)
  await room.reserve(40 * megabyte)
  room.release(40 * megabyte)
  fill(90 * megabyte)

  await room.reserve(4 * megabyte)
  await room.reserve(4 * megabyte)
  await expect(room.reserve(4 * megabyte)).rejects.toThrow('the spool has no space')
})

test('space used by other programs is noticed soon', async () => {
  const { room, fill } = diskOf(100 * megabyte)
  await room.reserve(megabyte)
  fill(90 * megabyte)

  await room.reserve(megabyte)
  await expect(room.reserve(8 * megabyte)).rejects.toThrow('the spool has no space')
})

test('nothing is accepted when the database has filled the disk', async () => {
  const { room, fill } = diskOf(100 * megabyte)
  fill(100 * megabyte)

  await expect(room.reserve(1)).rejects.toThrow('the spool has no space')
})
