import { expect, it } from 'vitest'

import { type Place, policies, type PolicyName } from '../../../deploy/policies/statements.ts'
import { kinds, makeSomebody } from '../../rights/make-somebody.ts'
import { may } from '../../rights/may.ts'
import { callsOf, makeTarget, rightsScene, whatIsLet } from '../../rights/rights-scene.ts'
import { describeCheck } from '../describe-check.ts'

const scene = rightsScene()

describeCheck(28, () => {
  it('each of these calls is one that a right decides on: its owner is let, and whoever has no policy is refused', async () => {
    const { s3 } = scene
    for (const kind of kinds) {
      const target = await makeTarget(scene)
      const stranger = await makeSomebody(s3, kind, [])
      expect(await whatIsLet(scene, stranger, { target, kind })).toEqual([])
      expect(await whatIsLet(scene, s3.owner, { target, kind })).toEqual(Object.keys(callsOf(kind)))
    }
  })

  const proved = Object.keys(may) as PolicyName[] // they are its keys
  it.each(proved.flatMap((name) => kinds.map((kind) => [name, kind] as const)))(
    'the policy %s lets a %s do its work and nothing else',
    async (name, kind) => {
      const target = await makeTarget(scene)
      const place: Place = {
        bucket: target.bucket,
        region: scene.s3.region,
        heads: { bucket: target.heads, prefix: 'heads/' },
        kmsKey: '',
        backups: { bucket: target.other, prefix: 'backups/' },
        replica: { bucket: '', role: '' },
      }
      const somebody = await makeSomebody(scene.s3, kind, [policies[name](place)])

      const expected = new Set(may[name])
      const all = Object.keys(callsOf(kind))
      expect([...expected].filter((call) => kind === 'role' && !all.includes(call))).toEqual([])
      expect(await whatIsLet(scene, somebody, { target, kind })).toEqual(all.filter((call) => expected.has(call)))
    },
  )
})
