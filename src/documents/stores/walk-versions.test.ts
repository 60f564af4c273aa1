import { expect, test } from 'vitest'

import { forEachConcurrently } from './walk-versions.ts'

/** A walk that records when it is closed, and how many items were in progress then. */
function openWalk() {
  const walk = { isOpen: true, underway: 0, atEnd: -1 }
  async function* numbers(): AsyncGenerator<number, undefined> {
    try {
      for (let number = 1; number <= 10; number += 1) yield number
    } finally {
      walk.isOpen = false
      walk.atEnd = walk.underway
    }
    return undefined
  }
  return { walk, numbers: numbers() }
}

test('a walk is closed when the work returns `enough`, after all workers have ended', async () => {
  const { walk, numbers } = openWalk()

  await forEachConcurrently(numbers, 2, async (number) => {
    walk.underway += 1
    await new Promise((resolve) => setTimeout(resolve, number * 10))
    walk.underway -= 1
    return number === 1 ? 'enough' : 'next'
  })

  expect(walk).toEqual({ isOpen: false, underway: 0, atEnd: 0 })
})

test('a walk is closed when the work throws, and the error is passed on', async () => {
  const { walk, numbers } = openWalk()

  const ended = forEachConcurrently(numbers, 2, async () => Promise.reject(new Error('the work failed')))

  await expect(ended).rejects.toThrow('the work failed')
  expect(walk.isOpen).toBe(false)
})
