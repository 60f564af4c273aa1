import { obtainServices } from './obtain-services.ts'
import type { AddressOf, ServiceName } from './packages/service-addresses.ts'

/** The services of a run by hand, on a stack that is closed on a signal. Started services end with it. */
export async function servicesUntilEnd<Name extends ServiceName>(
  names: Name[],
  opened: AsyncDisposableStack,
): Promise<Pick<AddressOf, Name>> {
  const { addresses, stop } = await obtainServices(names, process.env)
  opened.defer(stop)
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void opened.disposeAsync().finally(() => process.exit(1)))
  return addresses
}
