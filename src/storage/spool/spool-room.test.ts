import { expect, test } from 'vitest'

import { makeSpoolRoom } from './spool.ts'

const megabyte = 1024 * 1024

/** A disk on which the spool lies, and what others put there. */
function diskOf(bytes: number) {
  let others = 0
  const room = makeSpoolRoom(async () => ({ freeBytes: bytes - others - room.takenBytes() }))
  return { room, fill: (more: number) => void (others += more) }
}

test('files on their way take half of the room, and no more', async () => {
  const { room } = diskOf(100 * megabyte)
  for (let count = 0; count < 50; count += 1) await room.take(megabyte)

  await expect(room.take(1)).rejects.toMatchObject({ code: 'unavailable', cause: { code: 'ENOSPC' } })
  expect(room.takenBytes()).toBe(50 * megabyte)
})

test('one piece may be large', async () => {
  const { room } = diskOf(100 * megabyte)
  await room.take(50 * megabyte)

  await expect(room.take(1)).rejects.toThrow('no room')
})

test('what was given back is there for others at once', async () => {
  const { room } = diskOf(100 * megabyte)
  await room.take(50 * megabyte)
  room.giveBack(20 * megabyte)

  await room.take(20 * megabyte)
  await expect(room.take(1)).rejects.toThrow('no room')
})

test('what was given back and is others’ by now is not taken again', async () => {
  const { room, fill } = diskOf(100 * megabyte)
  await room.take(40 * megabyte)
  room.giveBack(40 * megabyte)
  fill(90 * megabyte)

  await room.take(4 * megabyte)
  await room.take(4 * megabyte)
  await expect(room.take(4 * megabyte)).rejects.toThrow('no room')
})

test('what others put on the disk meanwhile is seen before long', async () => {
  const { room, fill } = diskOf(100 * megabyte)
  await room.take(megabyte)
  fill(90 * megabyte)

  await room.take(megabyte)
  await expect(room.take(8 * megabyte)).rejects.toThrow('no room')
})

test('where the database has filled the disk nothing more comes', async () => {
  const { room, fill } = diskOf(100 * megabyte)
  fill(100 * megabyte)

  await expect(room.take(1)).rejects.toThrow('no room')
})
