import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { IDeployment, IStatefulSet } from 'kubernetes-models/apps/v1'
import type { IJob } from 'kubernetes-models/batch/v1'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1'
import type { IPodSpec, IService } from 'kubernetes-models/v1'
import { beforeAll, describe, expect, test } from 'vitest'

import packageJson from '../../package.json' with { type: 'json' }
import { loadConfig } from '../../src/config/load-config.ts'
import { settings } from '../../src/config/settings.ts'
import { startService } from '../support/service/start-service.ts'
import { findObjections } from './check-manifests.ts'
import { kustomize, type Manifest, readManifests } from './kustomize.ts'
import { maxSecondsToEnd } from './most-seconds-to-end.ts'

const deploy = join(import.meta.dirname, '../../deploy')
const secrets = readManifests(await readFile(join(deploy, 'kubernetes/secrets.example.yaml'), 'utf8'))
const containerfile = await readFile(join(deploy, 'container/Containerfile'), 'utf8')
/** The settings of the image. */
const ofImage = Object.fromEntries(
  (/^ENV (.*)$/m.exec(containerfile)?.[1] ?? '').split(' ').map((each) => each.split('=') as [string, string]),
)

type Instances = IDeployment | IStatefulSet

let migration: Manifest[]
let job: IJob
beforeAll(async () => {
  migration = await kustomize(join(deploy, 'kubernetes/migrate'))
  job = pick(migration, 'Job') as IJob
})

describe.each([
  ['without-disks', 'Deployment'],
  ['with-disks', 'StatefulSet'],
])('%s', (name, kind) => {
  let manifests: Manifest[]
  let instances: Instances
  beforeAll(async () => {
    manifests = await kustomize(join(deploy, 'kubernetes', name))
    instances = pick(manifests, kind) as Instances
  })

  test('Kubernetes accepts every manifest', async () => {
    expect(manifests.map((each) => each.kind).toSorted()).toEqual(
      ['ConfigMap', kind, 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceAccount'].toSorted(),
    )
    expect(await findObjections(manifests)).toEqual([])
  })

  test('two instances run as an unprivileged user, with a read-only root and no capabilities', () => {
    expect(instances.spec?.replicas).toBe(2)
    expectNothingToSpare(podOf(instances))
    expect(podOf(instances).securityContext?.fsGroup).toBe(10001)
  })

  test('the grace period exceeds the longest shutdown, and an instance is unready while it still serves', () => {
    const { readinessProbe } = containerOf(instances)
    const { periodSeconds = 10, failureThreshold = 3 } = readinessProbe ?? {}

    expect(podOf(instances).terminationGracePeriodSeconds).toBeGreaterThan(maxSecondsToEnd + 5)
    // It serves for five more seconds after the shutdown signal.
    expect(periodSeconds * failureThreshold).toBeLessThan(5)
  })

  test('every probe has a path that exists', async () => {
    const { ports, startupProbe, livenessProbe, readinessProbe } = containerOf(instances)
    const probes = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)
    expect(probes.map((probe) => probe?.path)).toEqual(['/healthz', '/healthz', '/readyz'])
    expect(probes.map((probe) => probe?.port)).toEqual(['http', 'http', 'http'])
    expect(ports).toEqual([{ name: 'http', containerPort: Number(ofImage['PORT']) }])

    const service = await startService()
    const answers = await Promise.all(probes.map((probe) => fetch(`${service.url}${probe?.path}`)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    await service.stop()
  })

  test('the service starts with the filled-in settings; documents wait only on a persistent disk', () => {
    const map = manifests.find((each) => each.kind === 'ConfigMap')
    const data = map?.['data'] as Record<string, string>
    const secret = secrets[0]?.['stringData'] as Record<string, string>
    expect(Object.keys(settings)).toEqual(expect.arrayContaining([...Object.keys(data), ...Object.keys(secret)]))
    expect(containerOf(instances).envFrom).toEqual([
      { configMapRef: { name: map?.metadata.name } },
      { secretRef: { name: secrets[0]?.metadata.name } },
    ])

    const filledIn = {
      DATABASE_URL: 'postgres://paniq_service:secret@db.example/paniq',
      JWT_SECRET_KEY: 'a secret that both sides have, and nobody else',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
    }
    expect(Object.keys(secret).toSorted()).toEqual(Object.keys(filledIn).toSorted())
    const config = loadConfig({ ...ofImage, ...data, ...secret, ...filledIn, AWS_S3_BUCKET: 'documents' })
    const claims = 'volumeClaimTemplates' in (instances.spec ?? {}) ? 'local' : 'off'
    expect(config).toMatchObject({ useS3: true, host: '0.0.0.0', fallback: claims })
  })

  test('both folders that the service writes to are mounted', () => {
    const { volumeMounts } = containerOf(instances)
    const claimed =
      'volumeClaimTemplates' in (instances.spec ?? {}) ? (instances as IStatefulSet).spec?.volumeClaimTemplates : []
    const volumes = [
      ...(podOf(instances).volumes ?? []),
      ...(claimed ?? []).map((each) => ({ name: each.metadata?.name })),
    ]

    expect(volumeMounts?.map(({ mountPath }) => mountPath)).toEqual([ofImage['DATA_DIR'], ofImage['UPLOADS_DIR']])
    expect(volumes.map((each) => each.name)).toEqual(volumeMounts?.map((each) => each.name))
  })

  test('service, disruption budget and network policy select the instances; the migration gets no request and the same network', () => {
    const labels = { 'app.kubernetes.io/name': 'paniq-documents', 'app.kubernetes.io/component': 'api' }
    const matchLabels = { 'app.kubernetes.io/name': 'paniq-documents' }

    expect(instances.spec).toMatchObject({ selector: { matchLabels: labels }, template: { metadata: { labels } } })
    expect((pick(manifests, 'PodDisruptionBudget') as IPodDisruptionBudget).spec?.selector).toEqual({
      matchLabels: labels,
    })
    expect((pick(manifests, 'Service') as IService).spec).toMatchObject({
      selector: labels,
      ports: [{ name: 'http', port: 80, targetPort: 'http' }],
    })
    expect(job.spec?.template.metadata?.labels).toEqual({ ...matchLabels, 'app.kubernetes.io/component': 'migrate' })
    expect((pick(manifests, 'NetworkPolicy') as INetworkPolicy).spec).toMatchObject({
      podSelector: { matchLabels },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [expect.anything(), expect.anything()], ports: [{ port: 'http' }] }],
      // DNS, PostgreSQL, S3, and nothing else.
      egress: [
        { to: [expect.anything()], ports: [{ port: 53 }, { port: 53 }] },
        { to: [expect.anything(), expect.anything(), expect.anything()], ports: [{ port: 5432 }] },
        { ports: [{ port: 443 }] },
      ],
    })
  })
})

test('only the migration has the owner’s password; it runs without capabilities, and Kubernetes accepts it', async () => {
  const pod = job.spec?.template.spec
  expect(await findObjections([...migration, ...secrets])).toEqual([])
  expectNothingToSpare(pod)
  expect(pod?.containers[0]?.args).toEqual(['db', 'migrate'])
  expect(pod?.containers[0]?.envFrom).toEqual(secrets.map(({ metadata: { name } }) => ({ secretRef: { name } })))
  expect(Object.keys((secrets[1]?.['stringData'] as Record<string, string> | undefined) ?? {})).toEqual([
    'DATABASE_OWNER_URL',
  ])
})

test('no example contains a secret', () => {
  const values = secrets.flatMap((each) => Object.values(each['stringData'] as Record<string, string>))
  expect(new Set(values)).toEqual(new Set(['']))
})

test('the deployed version is this version', async () => {
  expect(/^ARG VERSION=(.*)$/m.exec(containerfile)?.[1]).toBe(packageJson.version)
  for (const name of ['without-disks', 'migrate']) {
    const text = await readFile(join(deploy, 'kubernetes', name, 'kustomization.yaml'), 'utf8')
    expect(/newTag: (.*)$/m.exec(text)?.[1]).toBe(packageJson.version)
  }
})

test('an invalid value and an unknown field are found', async () => {
  const wrong = readManifests(`
apiVersion: v1
kind: Service
metadata: { name: wrong-value }
spec: { ports: [{ port: eighty }] }
---
apiVersion: v1
kind: Service
metadata: { name: wrong-field }
spec: { selectors: { app: wrong } }`)
  const objections = (await findObjections(wrong)).join('\n')

  expect(objections).toContain('ports/0/port must be integer')
  expect(objections).toContain(`"selectors"' does not exist`)
})

/** `findObjections` checks it against the schema of its kind. */
function pick(manifests: Manifest[], kind: string): unknown {
  const found = manifests.find((each) => each.kind === kind)
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}

function podOf(instances: Instances): IPodSpec {
  const pod = instances.spec?.template.spec
  if (pod === undefined) throw new Error('no pod')
  return pod
}

function containerOf(instances: Instances): IPodSpec['containers'][number] {
  const [container, ...others] = podOf(instances).containers
  if (container === undefined || others.length > 0) throw new Error('not one container')
  return container
}

function expectNothingToSpare(pod: IPodSpec | undefined): void {
  const [, uid] = /^USER (\d+):/m.exec(containerfile) ?? []
  expect(pod).toMatchObject({
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, runAsUser: Number(uid), seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        resources: {
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  })
}
