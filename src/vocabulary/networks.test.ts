import { expect, test } from 'vitest'

import { networkOfMachine } from './networks.ts'

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
  ['::1', '::/64'],
  ['fe80::1%eth0', 'fe80::/64'],
])('%s belongs to %s', (address, network) => {
  expect(networkOfMachine(address)).toBe(network)
})

test('a text that is no address is used as it is, up to 64 characters', () => {
  expect(networkOfMachine('unknown')).toBe('unknown')
  expect(networkOfMachine('x'.repeat(5000))).toHaveLength(64)
})
