import { describe, expect, it } from 'vitest'

import { sceneOfFile } from './scene-of-file.ts'

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

function readOf(scene: { word: string }): string {
  try {
    return scene.word
  } catch (error) {
    return (error as Error).message // it throws nothing else
  }
}
