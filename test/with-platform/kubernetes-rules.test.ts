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
// checked with Kubernetes' own schema below
const ingress = parse(ingressText) as IIngress
// No package has its schema. The test reads only these fields.
const route = parse(texts.find((text) => text.includes('kind: HTTPRoute')) ?? '') as HttpRoute

/** With `use-regex`, ingress-nginx matches the beginning of a path and ignores case. */
const asIngress = (ingress.spec?.rules ?? []).flatMap(({ http }) =>
  (http?.paths ?? []).map(({ path }) => new RegExp(`^${path}`, 'i')),
)
/** A Gateway matches the whole path. */
const asGateway = route.spec.rules.flatMap(({ matches }) =>
  matches.map(({ path }) => new RegExp(`^(?:${path.value})$`)),
)

const pathOf = (address: string) => address.split('?')[0] ?? ''
const isOurs = (rules: RegExp[], address: string) => rules.some((rule) => rule.test(pathOf(address)))

it('the Ingress is valid for Kubernetes and names an existing Service', async () => {
  expect(await findObjections(readManifests(ingressText))).toEqual([])
  expect(ingress.metadata?.annotations).toMatchObject({ 'nginx.ingress.kubernetes.io/use-regex': 'true' })
  const backends = (ingress.spec?.rules ?? []).flatMap(({ http }) =>
    (http?.paths ?? []).map(({ backend }) => backend.service),
  )
  const service = { name: 'paniq-documents', port: { number: 80 } }
  expect(backends).toEqual([service, service])
  expect(route.spec.rules.flatMap(({ backendRefs }) => backendRefs)).toEqual([{ name: 'paniq-documents', port: 80 }])
})

it.each(defaultCalls)('$path belongs to the $owner, by both rules', ({ path, owner }) => {
  expect([isOurs(asIngress, path), isOurs(asGateway, path)]).toEqual([owner === 'service', owner === 'service'])
})
