import { expect, test } from 'vitest'

import { tellError } from './tell-error.ts'

test('a failure is told with what caused it, and without its stack', () => {
  const error = new Error('the drain stopped', { cause: new Error('S3 does not answer') })

  expect(tellError(error)).toBe('the drain stopped: S3 does not answer')
})

test('it holds no secret, breaks no line of JSON, and is short', () => {
  expect(tellError(new Error('could not reach postgres://paniq:s3cr3t@db "now"'))).toBe(
    'could not reach postgres://paniq:[redacted]@db "now"',
  )
  expect(tellError(new Error('x'.repeat(9000)))).toHaveLength(500)
  expect(tellError('not even an error')).toBe('not even an error')
})
