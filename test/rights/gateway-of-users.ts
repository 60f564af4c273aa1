import { testServices } from '../support/services.ts'
import { callGateway } from '../support/services/call-gateway.ts'
import { obtainServices } from '../support/services/obtain-services.ts'
import type { S3Address } from '../support/services/service-addresses.ts'

/**
 * A gateway where users and roles can be made: that of the test run, or one of our own where the environment names a
 * store whose key may not make any.
 */
export async function gatewayOfUsers(closing: AsyncDisposableStack): Promise<S3Address> {
  const { s3 } = testServices()
  if (await mayMakeUsers(s3)) return s3
  const { addresses, stop } = await obtainServices(['s3'], {})
  closing.defer(stop)
  return addresses.s3
}

async function mayMakeUsers(s3: S3Address): Promise<boolean> {
  const query = { 'access-key': s3.owner.accessKeyId }
  const itself = await callGateway(s3, s3.owner, { method: 'GET', path: '/admin/user', query }).catch(() => '')
  return itself.includes('{"type":"users","perm":"*"}')
}
