import { describe, expect, it } from 'vitest'

import { sceneOfFile, sceneOfTest } from './scene-of-file.ts'

const closed: string[] = []

describe('a scene', () => {
  const scene = sceneOfFile(async (closing) => {
    for (const name of ['bucket', 'service']) closing.defer(() => void closed.push(name))
    return { word: 'opened' }
  })
  const before = readOf(scene)

  it('cannot be read before the tests', () => {
    expect(before).toBe('word is there inside tests alone')
  })

  it('is open inside them', () => {
    expect([scene.word, closed]).toEqual(['opened', []])
  })
})

it('is closed after the last test, the latest first', () => {
  expect(closed).toEqual(['service', 'bucket'])
})

describe('a scene of each test', () => {
  const openings: string[] = []
  const scene = sceneOfTest(async (closing) => {
    closing.defer(() => void openings.push('closed'))
    openings.push('opened')
    return { word: 'opened' }
  })

  it.each([1, 2])('is opened before test %i, and closed after it', (number) => {
    expect(scene.word).toBe('opened')
    expect(openings).toEqual(number === 1 ? ['opened'] : ['opened', 'closed', 'opened'])
  })
})

function readOf(scene: { word: string }): string {
  try {
    return scene.word
  } catch (error) {
    return (error as Error).message // it throws nothing else
  }
}
