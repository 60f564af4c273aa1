import ipaddr from 'ipaddr.js'

/**
 * The network that an address is counted under: one IPv4 address, or the /64 of an IPv6 address, which a single machine
 * may use freely.
 */
export function networkOfAddress(address: string): string {
  // A proxy may set something else than an address.
  if (!ipaddr.isValid(address)) return address.slice(0, 64)
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  const network = [...parsed.parts.slice(0, 4), 0, 0, 0, 0]
  return `${new ipaddr.IPv6(network).toString()}/64`
}
