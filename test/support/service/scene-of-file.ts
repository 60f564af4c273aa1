import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'

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
  return readFrom(() => opened)
}

/** Opens a scene of its own for each test of a file, and closes it after the test. */
export function sceneOfTest<Scene extends object>(open: (closing: AsyncDisposableStack) => Promise<Scene>): Scene {
  let closing = new AsyncDisposableStack()
  let opened: Scene | undefined
  beforeEach(async () => {
    closing = new AsyncDisposableStack()
    opened = await open(closing)
  })
  afterEach(async () => {
    opened = undefined
    await closing.disposeAsync()
  })
  return readFrom(() => opened)
}

function readFrom<Scene extends object>(opened: () => Scene | undefined): Scene {
  const read = (name: string | symbol): unknown => {
    const scene = opened()
    if (scene === undefined) throw new Error(`${String(name)} is there inside tests alone`)
    return Reflect.get(scene, name)
  }
  return new Proxy({} as Scene, { get: (_empty, name) => read(name) }) // every property is read from the opened scene
}
