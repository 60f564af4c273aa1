import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

import ipaddr from 'ipaddr.js'

/** Metadata of Azure's virtual machines: the only such address that is public by its number. */
const azureMetadata = '168.63.129.16'

/** RFC 4291, 2.4: the only IPv6 addresses of the public internet. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/** RFC 6052: IPv4 addresses of a network without IPv4. */
const wellKnownNat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * Whether an address, as the resolver returns it, is one of the public internet. Everything else is none: private, loopback,
 * link-local, unique local, shared (CGNAT), multicast, reserved, and the metadata of clouds. An IPv6 form of an IPv4 address
 * (mapped, NAT64) counts as that address; tunnels (6to4, Teredo) may end anywhere.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  return parsed instanceof ipaddr.IPv4 ? isPublicIPv4(parsed) : isPublicIPv6(parsed)
}

function isPublicIPv4(address: ipaddr.IPv4): boolean {
  return address.range() === 'unicast' && address.toString() !== azureMetadata
}

function isPublicIPv6(address: ipaddr.IPv6): boolean {
  const embedded = findIPv4(address)
  if (embedded !== undefined) return isPublicIPv4(embedded)
  return address.range() === 'unicast' && address.match(globalUnicast)
}

function findIPv4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  if (address.isIPv4MappedAddress() || address.match(wellKnownNat64))
    return new ipaddr.IPv4(address.toByteArray().slice(-4))
  return undefined
}

/** Passes every address of a name to `done`. */
export type ResolveName = (
  name: string,
  options: { all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

export class PrivateAddress extends Error {
  override readonly name = 'PrivateAddress'
}

/** Looks a name up and checks every address that it resolves to. Exactly those are connected to. */
export function createPublicLookup(resolve: ResolveName, isAllowed: (address: string) => boolean): LookupFunction {
  return (name, { all }, done) => {
    resolve(name, { all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      const denied = addresses?.find(({ address }) => !isAllowed(address))
      if (error !== null || first === undefined) done(error ?? new Error('the name has no address'), '')
      else if (denied !== undefined) done(new PrivateAddress(describePrivate(denied.address)), '')
      else if (all === true) done(null, addresses)
      else done(null, first.address, first.family)
    })
  }
}

export function describePrivate(address: string): string {
  return `The URL leads to ${address}, which is not a public address. WEBHOOK_ALLOW_PRIVATE=on allows it.`
}
