import type { FuzzScene } from '../scene/fuzz-scene.ts'

/** `⟦firm⟧`, or `⟦link~cut 12 0⟧`: a value of the scene, with one change. */
const placeholder = /⟦([^~⟧]+)(?:~(\w+) (\d+) (\d+))?⟧/g

/** Fills the scene's values into a request: ids and secrets that are unknown before the scene exists. */
export function fillIn(text: string, scene: FuzzScene): string {
  return text.replaceAll(placeholder, (whole, name: string, how?: string, at?: string, by?: string) => {
    const value = scene.valueOf(name)
    if (value === undefined) return whole
    return how === undefined ? value : spoil(value, how, { at: Number(at), by: Number(by) })
  })
}

export const spoilings = ['cut', 'change', 'insert', 'double', 'shout', 'pad'] as const

/** One change to a secret. */
export function spoil(value: string, how: string, { at, by }: { at: number; by: number }): string {
  const place = at % Math.max(1, value.length)
  const character = String.fromCodePoint(33 + (by % 90))
  switch (how) {
    case 'cut':
      return value.slice(0, place)
    case 'change':
      return `${value.slice(0, place)}${character}${value.slice(place + 1)}`
    case 'insert':
      return `${value.slice(0, place)}${character}${value.slice(place)}`
    case 'double':
      return `${value}${value.slice(0, place)}`
    case 'shout':
      return value.toUpperCase()
    default:
      return `${value}${'='.repeat(1 + (by % 3))}`
  }
}
