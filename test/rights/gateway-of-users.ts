import { obtainServices } from '../support/services/obtain-services.ts'
import type { S3Address } from '../support/services/packages/service-addresses.ts'

/** A gateway of our own where users and roles can be made. */
export async function gatewayOfUsers(closing: AsyncDisposableStack): Promise<S3Address> {
  const { addresses, stop } = await obtainServices(['s3WithRoles'], {})
  closing.defer(stop)
  return addresses.s3WithRoles
}
