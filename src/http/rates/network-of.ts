import ipaddr from 'ipaddr.js'

/** Whom an address stands for: one IPv4 address, or the /64 of an IPv6 one, of which a single machine has as many as it likes. */
export function networkOf(address: string): string {
  // What a proxy of the operator's puts there need not be an address.
  if (!ipaddr.isValid(address)) return address.slice(0, 64)
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  const network = [...parsed.parts.slice(0, 4), 0, 0, 0, 0]
  return `${new ipaddr.IPv6(network).toString()}/64`
}
