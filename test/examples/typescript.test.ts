import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { registrySettings } from '../readme/newcomer.ts'
import { readBlocks } from '../readme/read-blocks.ts'
import { checkout } from '../support/cli/run-command.ts'
import { type ExampleScene, openExample } from './example-scene.ts'

const timeout = 5 * 60_000

/** Packages that an earlier run downloaded are checked by their hash, and not downloaded again. */
const npmSettings = {
  ...registrySettings(),
  npm_config_cache: join(checkout, 'node_modules/.cache/npm-of-tests'),
  npm_config_prefer_offline: 'true',
}

/** Runs these lines one after the other, and returns what the last one printed. */
async function typeAll(example: ExampleScene, commands: string[]): Promise<string> {
  let printed = ''
  for (const command of commands) printed = await example.type(command, npmSettings)
  return printed
}

const commandsOf = (example: ExampleScene) => example.blocks('Client').map(({ text }) => text)

/** The facts that the client printed. */
const factsIn = (printed: string) => printed.split('\n').filter((line) => /^[A-Z]\w+: /.test(line))

/** What its README promises. */
async function promisedBy({ folder }: ExampleScene): Promise<string> {
  const blocks = await readBlocks(join(folder, 'README.md'))
  return withoutIds(blocks.find(({ language }) => language === 'text')?.text ?? '')
}

const id = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const withoutIds = (text: string) => text.replaceAll(id, 'ID')
const idsOf = (line = '') => line.match(id)

it('the three commands of the TypeScript README install, generate and run the client', { timeout }, async () => {
  const example = await openExample('typescript', 'local')
  expect(commandsOf(example)).toHaveLength(3)
  const facts = factsIn(await typeAll(example, commandsOf(example)))
  expect(withoutIds(facts.join('\n'))).toBe(await promisedBy(example))
  expect(idsOf(facts.at(-1)), 'the webhook is about the uploaded document').toEqual(idsOf(facts[1]))

  // The types are those of the service: the client compiles, and a parameter that the service does not have does not.
  await example.type('npm run check')
  const file = join(example.folder, 'client.ts')
  const client = await readFile(file, 'utf8')
  await writeFile(file, client.replaceAll('query: { document_type: type }', 'query: { kind: type }'))
  await expect(example.type('npm run check')).rejects.toThrow(/document_type/)
})

it('the TypeScript client follows the redirect to a file in S3', { timeout }, async () => {
  const example = await openExample('typescript', 's3')
  const withoutTypes = commandsOf(example).filter((command) => !command.includes('generate'))
  const facts = factsIn(await typeAll(example, withoutTypes))
  expect(withoutIds(facts.join('\n'))).toBe((await promisedBy(example)).replace('storage local', 'storage s3'))
})
