import ipaddr from 'ipaddr.js'

/** `block`: a larger range that one subscriber may have; several networks of it share the turns of one. */
export type Network = { network: string; block: string }

/** The IPv4 /24, or the IPv6 /56 in its /48. Everything that is no address is one network. */
export function networkOfSubscriber(address: string): Network {
  if (!ipaddr.isValid(address)) return { network: 'unknown', block: 'unknown' }
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv6) return { network: prefixOf(parsed, 56), block: prefixOf(parsed, 48) }
  const network = prefixOf(parsed, 24)
  return { network, block: network }
}

/** Never true for what is no address: different people may be behind it. */
export function isSameNetwork(one: string, other: string): boolean {
  return ipaddr.isValid(one) && networkOfSubscriber(one).network === networkOfSubscriber(other).network
}

function prefixOf(address: ipaddr.IPv4 | ipaddr.IPv6, bits: number): string {
  const bytes = address.toByteArray()
  return `${Buffer.from(bytes.slice(0, bits / 8)).toString('hex')}/${bits}`
}

/**
 * The network that an address is counted under: one IPv4 address, or the /64 of an IPv6 address, which a single machine
 * may use freely.
 */
export function networkOfMachine(address: string): string {
  // A proxy may set something else than an address.
  if (!ipaddr.isValid(address)) return address.slice(0, 64)
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  const network = [...parsed.parts.slice(0, 4), 0, 0, 0, 0]
  return `${new ipaddr.IPv6(network).toString()}/64`
}
