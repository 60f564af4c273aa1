import { expect, test } from 'vitest'

import { inQuarantine } from './assert-servable.ts'

test('the error for a document in quarantine has the advice for the client', () => {
  expect(inQuarantine().message).toMatch(/Upload a clean file as its new version, or delete it\.$/)
})
