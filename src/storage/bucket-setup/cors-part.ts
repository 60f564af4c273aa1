import { type CORSRule, DeleteBucketCorsCommand, GetBucketCorsCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3'

import type { PartDefinition } from './bucket-part.ts'
import { isSame, type Items } from './compare-items.ts'
import { corsRule } from './cors-rule.ts'
import { unless } from './unless.ts'

export const corsPart: PartDefinition<CORSRule[]> = {
  part: 'cors',
  title: 'CORS',
  async read({ client, config, signal }) {
    const command = new GetBucketCorsCommand({ Bucket: config.bucket })
    const answer = await unless('NoSuchCORSConfiguration', client.send(command, { abortSignal: signal }))
    return answer?.CORSRules
  },
  ours: (held = []) => itemsOf(held.filter(isOurs)),
  wanted: ({ choices: { origins } }) => (origins.length === 0 ? {} : itemsOf([corsRule(origins)])),
  merge(held = [], items) {
    // Of our own making, or read from a rule.
    const rules = [...held.filter((rule) => !isOurs(rule)), ...(Object.values(items) as CORSRule[])]
    return rules.length === 0 ? undefined : rules
  },
  async write({ client, config }, rules) {
    await client.send(new PutBucketCorsCommand({ Bucket: config.bucket, CORSConfiguration: { CORSRules: rules } }))
  },
  async clear({ client, config }) {
    await client.send(new DeleteBucketCorsCommand({ Bucket: config.bucket }))
  },
  objections: (held = []) =>
    held.some((rule) => !isOurs(rule) && rule.AllowedOrigins?.includes('*'))
      ? [{ breaks: false, says: 'A rule that is not this command’s lets pages of every origin read' }]
      : [],
  isAskedFor: ({ origins }) => origins.length > 0,
}

const { ID: ourId, AllowedOrigins: _origins, ...ourWay } = corsRule([])

/** By its name, or where a store keeps none by all but its origins. */
function isOurs({ ID, AllowedOrigins: _theirs, ...way }: CORSRule): boolean {
  return ID === ourId || (ID === undefined && isSame(inOneForm(way), inOneForm(ourWay)))
}

function itemsOf(rules: CORSRule[]): Items {
  return Object.fromEntries(
    rules.map((rule, index) => [index === 0 ? ourId : `${ourId}-${index + 1}`, { ...inOneForm(rule), ID: ourId }]),
  )
}

function inOneForm<Rule extends Partial<CORSRule>>(rule: Rule): Rule {
  const lists = Object.entries(rule).map(([name, value]) => [name, Array.isArray(value) ? value.toSorted() : value])
  return Object.fromEntries(lists) as Rule // the same names with the same values
}
