import { afterAll, beforeAll } from 'vitest'

/**
 * Opens a scene before the first test of a file. Its deferred actions run after the last one, the latest first, also if
 * opening failed halfway. Read the scene only inside tests.
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
  return new Proxy({} as Scene, { get: (_empty, name) => read(name) }) // every property is read from the opened scene
}
