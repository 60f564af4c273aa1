import { cephNeed, startCephRgw } from './programs/ceph-rgw.ts'
import { clamdNeed, startClamd } from './programs/clamd.ts'
import type { PackageNeed } from './packages/install-packages.ts'
import { postgresNeed, startDurablePostgres, startPostgres } from './programs/postgres.ts'
import type { AddressOf, ServiceName } from './packages/service-addresses.ts'

export type StartedService<Name extends ServiceName> = { address: AddressOf[Name]; stop: () => Promise<void> }

export const needOf: Record<ServiceName, PackageNeed> = {
  s3: cephNeed,
  s3WithRoles: cephNeed,
  postgres: postgresNeed,
  durablePostgres: postgresNeed,
  clamd: clamdNeed,
}

export const startOf: { [Name in ServiceName]: (folder: string) => Promise<StartedService<Name>> } = {
  s3: startCephRgw,
  s3WithRoles: (folder) => startCephRgw(folder, { withRoles: true }),
  postgres: startPostgres,
  durablePostgres: startDurablePostgres,
  clamd: startClamd,
}
