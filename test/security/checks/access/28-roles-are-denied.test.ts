import { expect, it } from 'vitest'

import { policies, type PolicyName } from '../../../../deploy/policies/statements.ts'
import { type Kind, kinds, makeSomebody } from '../../../rights/make-somebody.ts'
import { may } from '../../../rights/may.ts'
import { callsOf, makeTarget, placeOf, rightsScene, whatIsLet } from '../../../rights/rights-scene.ts'
import { roundOf } from '../../../support/services/packages/test-services.ts'
import { describeCheck } from '../../describe-check.ts'

const scene = rightsScene()
/** The gateway evaluates the policies of both alike, and denies a role more calls. */
const tried = roundOf<readonly Kind[]>({ short: ['role'], long: kinds })
const each = async (of: readonly Kind[], work: (kind: Kind) => Promise<void>) => void (await Promise.all(of.map(work)))

describeCheck(28, () => {
  it('the owner may make each of these calls, and an account without a policy none', () =>
    each(kinds, async (kind) => {
      const target = await makeTarget(scene)
      const stranger = await makeSomebody(scene.s3, kind, [])

      expect(await whatIsLet(scene, stranger, { target, kind })).toEqual([])
      expect(await whatIsLet(scene, scene.s3.owner, { target, kind })).toEqual(Object.keys(callsOf(kind)))
    }))

  it('every call of a policy is tested', () => {
    expect(
      Object.values(may)
        .flat()
        .filter((call) => !(call in callsOf('role'))),
    ).toEqual([])
  })

  const proved = Object.keys(may) as PolicyName[] // they are its keys
  it.each(proved)('with %s only its own calls are allowed', (name) =>
    each(tried, async (kind) => {
      const target = await makeTarget(scene)
      const somebody = await makeSomebody(scene.s3, kind, [policies[name](placeOf(scene, target))])

      const isTried = (call: string) => call in callsOf(kind)
      const permitted = await whatIsLet(scene, somebody, { target, kind })
      expect(permitted.toSorted()).toEqual(may[name]?.filter(isTried).toSorted())
    }),
  )
})
