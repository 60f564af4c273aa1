import { afterAll, beforeAll } from 'vitest'

/**
 * Gives the tests of a file what `open` makes before the first of them. What it defers is done after the last, the
 * latest first, also where opening failed half-way. Read the scene inside tests alone.
 */
export function sceneOfFile<Scene extends object>(open: (closing: AsyncDisposableStack) => Promise<Scene>): Scene {
  const closing = new AsyncDisposableStack()
  let opened: Scene | undefined
  beforeAll(async () => {
    opened = await open(closing)
  })
  afterAll(() => closing.disposeAsync())

  const read = (name: string | symbol): unknown => {
    if (opened === undefined) throw new Error(`${String(name)} is there inside tests alone`)
    return Reflect.get(opened, name)
  }
  return new Proxy({} as Scene, { get: (_empty, name) => read(name) }) // every name is read from what was opened
}
