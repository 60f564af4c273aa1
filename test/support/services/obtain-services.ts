import { ensureInstalled } from './packages/install-packages.ts'
import { keepServices } from './run-services.ts'
import {
  findNamedClamd,
  findNamedDurablePostgres,
  findNamedPostgres,
  findNamedS3,
  type Environment,
} from './named-services.ts'
import type { AddressOf, ServiceName } from './packages/service-addresses.ts'
import { needOf } from './start-service.ts'

export type ObtainedServices<Name extends ServiceName> = { addresses: Pick<AddressOf, Name>; stop: () => Promise<void> }

/** The services that the environment names, and our own for the others, installed if necessary. */
export async function obtainServices<Name extends ServiceName>(
  names: Name[],
  env: Environment,
): Promise<ObtainedServices<Name>> {
  const { named, toStart } = await prepareServices(names, env)
  if (toStart.length === 0) return { addresses: complete<Name>(named), stop: async () => undefined }
  const kept = await keepServices(toStart)
  return { addresses: complete<Name>({ ...named, ...kept.addresses }), stop: kept.stop }
}

/** Checks without starting a service: the named ones answer and the others are installed. */
export async function prepareServices(
  names: ServiceName[],
  env: Environment,
): Promise<{ named: Partial<AddressOf>; toStart: ServiceName[] }> {
  const found = await Promise.all(names.map((name) => findNamed[name](env)))
  const named = Object.fromEntries(names.flatMap((name, index) => (found[index] ? [[name, found[index]]] : [])))
  const toStart = names.filter((_, index) => found[index] === undefined)
  await ensureInstalled(toStart.map((name) => needOf[name]))
  return { named, toStart }
}

const findNamed: { [Name in ServiceName]: (env: Environment) => Promise<AddressOf[Name] | undefined> } = {
  s3: findNamedS3,
  // Whether a named store supports users and roles could only be found by creating some.
  s3WithRoles: async () => undefined,
  postgres: findNamedPostgres,
  durablePostgres: findNamedDurablePostgres,
  clamd: findNamedClamd,
}

/** Each name was either found in the environment or started, which the compiler cannot infer. */
function complete<Name extends ServiceName>(addresses: Partial<AddressOf>): Pick<AddressOf, Name> {
  return addresses as Pick<AddressOf, Name>
}
