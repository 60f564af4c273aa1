import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1'
import { expect, it } from 'vitest'
import { parse } from 'yaml'

import { findObjections } from '../deploy/check-manifests.ts'
import { readManifests } from '../deploy/kustomize.ts'
import { readBlocks } from '../readme/read-blocks.ts'
import { defaultCalls } from './calls.ts'
import { docsPage } from './nginx-of-the-docs.ts'

type HttpRoute = {
  spec: {
    rules: { matches: { path: { type: string; value: string } }[]; backendRefs: { name: string; port: number }[] }[]
  }
}

const texts = (await readBlocks(docsPage)).filter(({ language }) => language === 'yaml').map(({ text }) => text)
const ingressText = texts.find((text) => text.includes('kind: Ingress')) ?? ''
// Held against Kubernetes' own schema below.
const ingress = parse(ingressText) as IIngress
// Its schema is in no package; what is read of it here is all that it has.
const route = parse(texts.find((text) => text.includes('kind: HTTPRoute')) ?? '') as HttpRoute

/** With `use-regex`, ingress-nginx asks at the beginning of a path, in either case. */
const asIngress = (ingress.spec?.rules ?? []).flatMap(({ http }) =>
  (http?.paths ?? []).map(({ path }) => new RegExp(`^${path}`, 'i')),
)
/** A Gateway asks of the whole path. */
const asGateway = route.spec.rules.flatMap(({ matches }) =>
  matches.map(({ path }) => new RegExp(`^(?:${path.value})$`)),
)

const pathOf = (address: string) => address.split('?')[0] ?? ''
const isOurs = (rules: RegExp[], address: string) => rules.some((rule) => rule.test(pathOf(address)))

it('the Ingress is one that Kubernetes takes, to the Service that there is', async () => {
  expect(await findObjections(readManifests(ingressText))).toEqual([])
  expect(ingress.metadata?.annotations).toMatchObject({ 'nginx.ingress.kubernetes.io/use-regex': 'true' })
  const backends = (ingress.spec?.rules ?? []).flatMap(({ http }) =>
    (http?.paths ?? []).map(({ backend }) => backend.service),
  )
  const service = { name: 'paniq-documents', port: { number: 80 } }
  expect(backends).toEqual([service, service])
  expect(route.spec.rules.flatMap(({ backendRefs }) => backendRefs)).toEqual([{ name: 'paniq-documents', port: 80 }])
})

it.each(defaultCalls)('$path belongs to the $owner, by either rule', ({ path, owner }) => {
  expect([isOurs(asIngress, path), isOurs(asGateway, path)]).toEqual([owner === 'service', owner === 'service'])
})
