import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { cephSettings } from './ceph-settings.ts'
import { findFreePorts } from '../packages/free-ports.ts'
import { grantGatewayRights } from './grant-gateway-rights.ts'
import { findProgram, type PackageNeed } from '../packages/install-packages.ts'
import { runProgram, startProgram, waitUntilReady, type RunningProgram } from '../packages/run-program.ts'
import type { S3Address, S3Credentials } from '../packages/service-addresses.ts'

const programs = ['ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'ceph', 'monmaptool']

export const cephNeed: PackageNeed = {
  service: 'an S3 store (Ceph RADOS Gateway)',
  packages: ['ceph-mon', 'ceph-osd', 'ceph-common', 'radosgw'],
  aboutMegabytes: 80,
  variables: ['AWS_ENDPOINT_URL_S3', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION_NAME'],
  async missing() {
    const found = await Promise.all(programs.map((name) => findProgram(name)))
    return programs.filter((_, index) => found[index] === undefined)
  },
}

const region = 'af-south-1'
const bucketPrefix = 'documents'

/** `withRoles`: its owner may create users and roles. */
type CephOptions = { withRoles: boolean }

/** An empty S3 gateway with its two users. Its data is in memory, its settings and logs are in `folder`. */
export async function startCephRgw(
  folder: string,
  { withRoles }: CephOptions = { withRoles: false },
): Promise<{ address: S3Address; stop: () => Promise<void> }> {
  await mkdir(folder, { recursive: true })
  const running: RunningProgram[] = []
  // The data of the cluster is not used again, so it need not shut down cleanly.
  const stop = async () => {
    await Promise.all(running.map((program) => program.stop('SIGKILL')))
  }
  try {
    return { address: await startCluster({ folder, running, withRoles }), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type ClusterOptions = CephOptions & { folder: string; running: RunningProgram[] }

async function startCluster({ folder, running, withRoles }: ClusterOptions): Promise<S3Address> {
  const [monitorPort = 0, gatewayPort = 0] = await findFreePorts(2)
  const clusterId = randomUUID()
  const settings = join(folder, 'ceph.conf')
  const cluster: Cluster = { folder, settings, running }
  await Promise.all(['mon', 'osd', 'rgw', 'crash'].map((name) => mkdir(join(folder, name))))
  await writeFile(settings, cephSettings({ folder, clusterId, monitorPort, gatewayPort, withRoles }))

  await startMonitor(cluster, { clusterId, port: monitorPort })
  await startObjectStore(cluster)
  const address = {
    endpoint: `http://127.0.0.1:${gatewayPort}`,
    region,
    owner: newCredentials(),
    app: newCredentials(),
    bucketPrefix,
  }
  await makeUsers(cluster, address)
  await startGateway(cluster, address)
  await grantGatewayRights(address)
  return address
}

type Cluster = { folder: string; settings: string; running: RunningProgram[] }

async function startMonitor(cluster: Cluster, { clusterId, port }: { clusterId: string; port: number }): Promise<void> {
  const map = join(cluster.folder, 'monmap')
  await runProgram('monmaptool', ['--create', '--addv', 'a', `[v2:127.0.0.1:${port}]`, '--fsid', clusterId, map])
  await runProgram('ceph-mon', ['-c', cluster.settings, '-i', 'a', '--mkfs', '--monmap', map])
  await start(cluster, ['ceph-mon', '-i', 'a', '-f'], 60, async () => {
    await askCluster(cluster, ['osd', 'stat'])
    return true
  })
}

async function startObjectStore(cluster: Cluster): Promise<void> {
  const id = randomUUID()
  await askCluster(cluster, ['osd', 'new', id])
  await runProgram('ceph-osd', ['-c', cluster.settings, '-i', '0', '--mkfs', '--osd-uuid', id])
  await start(cluster, ['ceph-osd', '-i', '0', '-f'], 60, async () =>
    (await askCluster(cluster, ['osd', 'stat'])).includes('1 up'),
  )
}

/** The first call also creates the zone group. Its name for the region is the location that a bucket may name. */
async function makeUsers(cluster: Cluster, { owner, app }: S3Address): Promise<void> {
  await makeUser(cluster, 'owner', owner, ['--caps=users=*;user-policy=*;roles=*'])
  // -1: it may create no bucket.
  await makeUser(cluster, 'app', app, ['--max-buckets=-1'])
  await administer(cluster, ['zonegroup', 'modify', '--rgw-zonegroup=default', `--api-name=${region}`])
}

async function makeUser(cluster: Cluster, name: string, keys: S3Credentials, more: string[]): Promise<void> {
  const words = [`--uid=${name}`, `--display-name=${name}`, `--access-key=${keys.accessKeyId}`]
  await administer(cluster, ['user', 'create', ...words, `--secret=${keys.secretAccessKey}`, ...more])
}

async function startGateway(cluster: Cluster, { endpoint }: S3Address): Promise<void> {
  await start(cluster, ['radosgw', '-n', 'client.rgw.test', '-f'], 60, async () => {
    const answer = await fetch(endpoint, { signal: AbortSignal.timeout(2000) })
    await answer.body?.cancel()
    return answer.ok
  })
}

async function start(
  cluster: Cluster,
  [command = '', ...words]: string[],
  seconds: number,
  isReady: () => Promise<boolean>,
): Promise<void> {
  const program = startProgram({
    name: command,
    command,
    words: ['-c', cluster.settings, ...words],
    logPath: join(cluster.folder, `${command}.out`),
  })
  cluster.running.push(program)
  await waitUntilReady(program, seconds, isReady)
}

function askCluster(cluster: Cluster, words: string[]): Promise<string> {
  return runProgram('ceph', ['-c', cluster.settings, '--connect-timeout', '10', ...words])
}

function administer(cluster: Cluster, words: string[]): Promise<string> {
  return runProgram('radosgw-admin', ['-c', cluster.settings, ...words], { timeoutMs: 60_000 })
}

function newCredentials(): S3Credentials {
  return {
    accessKeyId: randomBytes(10).toString('hex').toUpperCase(),
    secretAccessKey: randomBytes(20).toString('hex'),
  }
}
