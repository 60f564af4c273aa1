import { inspect } from 'node:util'

/** What nobody catches would end the service. It is heard of here instead, and whoever brought it about can be told. */
export function hearUncaught() {
  const heard: unknown[] = []
  const hear = (error: unknown) => void heard.push(error)
  process.on('uncaughtException', hear).on('unhandledRejection', hear)
  return {
    /** Throws with words for what was heard since the last time. */
    assertNone() {
      const [first] = heard.splice(0)
      if (first === undefined) return
      throw new Error(`nobody caught ${inspect(first)}`)
    },
    [Symbol.dispose]() {
      process.off('uncaughtException', hear).off('unhandledRejection', hear)
    },
  }
}
