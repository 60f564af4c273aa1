import { expect, test } from 'vitest'

import { inQuarantine } from './assert-servable.ts'

test('whoever hears that a document is in quarantine hears what to do', () => {
  expect(inQuarantine().message).toMatch(/Hand in a clean file as its new version, or delete it\.$/)
})
