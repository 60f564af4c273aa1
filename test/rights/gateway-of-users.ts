import { obtainServices } from '../support/services/obtain-services.ts'
import type { S3Address } from '../support/services/packages/service-addresses.ts'

/** A separate gateway in which users and roles can be created. */
export async function gatewayOfUsers(closing: AsyncDisposableStack): Promise<S3Address> {
  const { addresses, stop } = await obtainServices(['s3WithRoles'], {})
  closing.defer(stop)
  return addresses.s3WithRoles
}
