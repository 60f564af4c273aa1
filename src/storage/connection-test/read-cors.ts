import { type CORSRule, GetBucketCorsCommand } from '@aws-sdk/client-s3'

import { corsRule } from '../bucket-setup/cors-rule.ts'
import { s3FailureOf } from '../s3-errors.ts'
import type { ConnectionStep, ConnectionTest } from './connection-step.ts'

/** Whether pages of `CORS_ORIGINS` may read what the links lead to. The service itself needs no such rule. */
export const readCors: ConnectionStep = {
  step: 'cors',
  title: 'CORS',
  after: ['bucket'],
  right: 's3:GetBucketCORS',
  async run(test) {
    const { config, corsOrigins } = test
    if (corsOrigins.length === 0)
      return { outcome: 'skipped', says: 'CORS: nothing needed, since CORS_ORIGINS names no page of another origin' }

    const rules = await readRules(test)
    const advice = `./bin/paniq-docs s3 setup sets the rule, with credentials of an operator; or: aws s3api put-bucket-cors --bucket ${config.bucket} --cors-configuration '${ruleFor(corsOrigins)}'`
    if (rules === undefined)
      return { outcome: 'note', says: 'CORS: the bucket’s rule is not readable with these credentials', advice }
    const refused = corsOrigins.filter((origin) => !rules.some((rule) => allows(rule, origin)))
    if (refused.length > 0)
      return { outcome: 'failed', says: `CORS: pages of ${refused.join(', ')} may not read from the bucket`, advice }
    return { outcome: 'ok', says: `CORS: pages of ${corsOrigins.join(', ')} may read from the bucket` }
  },
}

/** Undefined when the rules may not be read, or the store knows none. */
async function readRules({ client, config }: ConnectionTest): Promise<CORSRule[] | undefined> {
  try {
    const answer = await client.send(new GetBucketCorsCommand({ Bucket: config.bucket }))
    return answer.CORSRules ?? []
  } catch (error) {
    const { s3Code } = s3FailureOf(error)
    if (s3Code === 'NoSuchCORSConfiguration') return []
    if (['AccessDenied', 'NotImplemented', 'MethodNotAllowed'].includes(s3Code)) return undefined
    throw error
  }
}

function ruleFor(origins: string[]): string {
  return JSON.stringify({ CORSRules: [corsRule(origins)] })
}

function allows({ AllowedOrigins: origins = [], AllowedMethods: methods = [] }: CORSRule, origin: string): boolean {
  return methods.includes('GET') && origins.some((pattern) => fits(pattern, origin))
}

/** A pattern holds one `*` at most, which stands for anything. */
function fits(pattern: string, origin: string): boolean {
  const [start = '', end] = pattern.split('*')
  if (end === undefined) return pattern === origin
  return origin.length >= start.length + end.length && origin.startsWith(start) && origin.endsWith(end)
}
