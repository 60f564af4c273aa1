import type { Logger } from 'pino'

import type { RateKind, RateLimits } from '../../config-limits.ts'
import type { Db } from '../../database/client.ts'
import { type Bucket, leasePermits } from '../../database/rates.ts'
import type { Metrics } from '../../metrics.ts'
import type { Clock } from '../../vocabulary.ts'
import { type Exhausted, holdPermits, type Permits } from './hold-permits.ts'
import { networkOf } from './network-of.ts'
import { tooMany } from './too-many.ts'

export type HoldRatesNeeds = {
  db: Db
  log: Pick<Logger, 'warn'>
  metrics: Pick<Metrics, 'rateRefusals' | 'rateLeases'>
  now: Clock
  limits: RateLimits
}

/** Whom a call counts for. `person`: as whom they count, whatever names them; `userId`: who they are, where that is known. */
export type Caller = { ip: string; person: string | undefined; userId: string | undefined }

/** What each person and each address may do in an hour; whoever has done too much is refused: `rate_limited`. */
export type Rates = {
  spend(kind: RateKind, caller: Caller): Promise<void>
  /** For the person alone; as whom they count is asked where it matters. */
  spendOfPerson(kind: RateKind, ip: string, asWhom: () => Promise<string>): Promise<void>
  /** Refuses whoever is known to have nothing left, and spends nothing. */
  look(kind: RateKind, caller: Caller): void
  /** Spends for what was answered already, and refuses nobody. */
  note(kind: RateKind, caller: Caller): Promise<void>
}

type Of = 'person' | 'address'
type Limited = { kind: RateKind; of: Of; bucket: Bucket }

export function holdRates(needs: HoldRatesNeeds): Rates {
  const permits = sharePermits(needs)

  function bucketOf(kind: RateKind, of: Of, whose: string | undefined): Limited[] {
    const perHour = needs.limits[kind][of]
    if (perHour === undefined || whose === undefined) return []
    return [{ kind, of, bucket: { name: `${kind}:${of}:${whose}`, perHour } }]
  }

  const ofBoth = (kind: RateKind, { ip, person }: Caller) => [
    ...bucketOf(kind, 'person', person),
    ...bucketOf(kind, 'address', networkOf(ip)),
  ]
  const spend = async (limited: Limited[], caller: Caller) =>
    refuse(needs, caller, limited, await permits.spend(bucketsOf(limited)))

  return {
    spend: (kind, caller) => spend(ofBoth(kind, caller), caller),
    async spendOfPerson(kind, ip, asWhom) {
      if (needs.limits[kind].person === undefined) return
      const person = await asWhom()
      await spend(bucketOf(kind, 'person', person), { ip, person, userId: undefined })
    },
    look(kind, caller) {
      const limited = ofBoth(kind, caller)
      refuse(needs, caller, limited, permits.look(bucketsOf(limited)))
    },
    async note(kind, caller) {
      const limited = ofBoth(kind, caller)
      tellOnce(needs, caller, findRefused(limited, await permits.spend(bucketsOf(limited))))
    },
  }
}

function sharePermits({ db, log, metrics, now }: HoldRatesNeeds): Permits {
  return holdPermits({
    lease: (wishes) => leasePermits(db, wishes),
    now,
    onLease: (outcome) => metrics.rateLeases.inc({ outcome }),
    onFailure(error) {
      metrics.rateLeases.inc({ outcome: 'failed' })
      log.warn({ event: 'rates_not_held', err: error }, 'for some seconds nobody is refused for doing too much')
    },
  })
}

const bucketsOf = (limited: Limited[]): Bucket[] => limited.map(({ bucket }) => bucket)

function refuse(needs: HoldRatesNeeds, caller: Caller, limited: Limited[], exhausted: Exhausted | undefined): void {
  const refused = findRefused(limited, exhausted)
  if (refused === undefined) return
  const { kind, of, retryAfterSeconds } = refused
  needs.metrics.rateRefusals.inc({ kind, of })
  tellOnce(needs, caller, refused)
  throw tooMany(refused, retryAfterSeconds)
}

function findRefused(limited: Limited[], exhausted: Exhausted | undefined): (Limited & Exhausted) | undefined {
  const found = limited.find(({ bucket }) => bucket.name === exhausted?.bucket.name)
  return exhausted && found && { ...exhausted, ...found }
}

/** Once in a while and not in the audit trail: to refuse must cost less than to answer. */
function tellOnce({ log }: HoldRatesNeeds, { ip, userId }: Caller, refused: (Limited & Exhausted) | undefined): void {
  if (refused?.isNews !== true) return
  const { kind, of, bucket } = refused
  log.warn(
    { event: 'rate_limited', kind, of, ip, user_id: userId, per_hour: bucket.perHour },
    'somebody does more than they may in an hour',
  )
}
