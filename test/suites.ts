import { glob } from 'node:fs/promises'

/** Test files that do not run in `npm test`, or only with a short round. */
export type Suite = { command: string; what: string; files: string[] }

/** These run a short round in `npm test` and a long one in `npm run test:deep`. */
export const harnesses = [
  'test/instances/rolling.test.ts',
  'test/deadlocks/all-verbs.test.ts',
  'test/exports/archive-memory.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/kill/kill.test.ts',
  'test/model/model.test.ts',
  'test/moving/migrate-killed.test.ts',
  'test/readme/readme.test.ts',
  'test/renewal/killed-reminders.test.ts',
  'test/resumable/weak-line.test.ts',
  'test/security/checks/access/28-roles-are-denied.test.ts',
]
export const deepFiles = ['test/**/*.deep.test.ts']
/** These start containers and systems, or install large packages. */
export const deployFiles = [
  'test/deploy/{container,kubernetes,promtool,systemd}.test.ts',
  'deploy/aws/test/**/*.test.ts',
]

/** The parts that `npm test` leaves out. */
export async function listLeftOut(root: string): Promise<Suite[]> {
  const find = async (patterns: string[]) => (await Array.fromAsync(glob(patterns, { cwd: root }))).toSorted()
  return [
    { command: 'npm run test:deep', what: 'the long rounds', files: [...harnesses, ...(await find(deepFiles))] },
    { command: 'npm run test:deploy', what: 'tests of deployments', files: await find(deployFiles) },
  ]
}
