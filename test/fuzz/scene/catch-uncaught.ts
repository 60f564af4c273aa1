import { inspect } from 'node:util'

/**
 * Uncaught errors would end the service. They are collected instead, so that the input that caused one can be reported.
 */
export function hearUncaught() {
  const heard: unknown[] = []
  const hear = (error: unknown) => void heard.push(error)
  process.on('uncaughtException', hear).on('unhandledRejection', hear)
  return {
    /** Throws a description of the errors since the last call. */
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
