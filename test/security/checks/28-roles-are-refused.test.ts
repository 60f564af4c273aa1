import { expect, it } from 'vitest'

import { policies, type PolicyName } from '../../../deploy/policies/statements.ts'
import { type Kind, kinds, makeSomebody } from '../../rights/make-somebody.ts'
import { may } from '../../rights/may.ts'
import { callsOf, makeTarget, placeOf, rightsScene, whatIsLet } from '../../rights/rights-scene.ts'
import { describeCheck } from '../describe-check.ts'

const scene = rightsScene()
const each = async (work: (kind: Kind) => Promise<void>) => void (await Promise.all(kinds.map(work)))

describeCheck(28, () => {
  it('it is rights that decide on each of these calls: the owner may, and whoever has no policy may none of them', () =>
    each(async (kind) => {
      const target = await makeTarget(scene)
      const stranger = await makeSomebody(scene.s3, kind, [])

      expect(await whatIsLet(scene, stranger, { target, kind })).toEqual([])
      expect(await whatIsLet(scene, scene.s3.owner, { target, kind })).toEqual(Object.keys(callsOf(kind)))
    }))

  const proved = Object.keys(may) as PolicyName[] // they are its keys
  it.each(proved)('with %s a user, and whoever has taken a role, may do its work and nothing else', (name) =>
    each(async (kind) => {
      const target = await makeTarget(scene)
      const somebody = await makeSomebody(scene.s3, kind, [policies[name](placeOf(scene, target))])

      const expected = new Set(may[name])
      const inOrder = Object.keys(callsOf(kind)).filter((call) => expected.has(call))
      expect(await whatIsLet(scene, somebody, { target, kind })).toEqual(inOrder)
      if (kind === 'role') expect(inOrder.length).toBe(expected.size)
    }),
  )
})
