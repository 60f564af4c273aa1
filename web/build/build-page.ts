// `npm run build:web`: builds the web page unless this version of it is built already. The last line of its output is the
// folder with the files; the service reads it.
import { createHash } from 'node:crypto'
import { glob, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'

const root = join(import.meta.dirname, '../..')
const builds = join(root, 'dist/page')
/** Another process that builds the same version may take so long. */
const maxWaitMs = 120_000

process.stdout.write(`${await buildPage()}\n`)

async function buildPage(): Promise<string> {
  const folder = join(builds, await fingerprintSources())
  if (await isBuilt(folder)) return folder
  await mkdir(builds, { recursive: true })
  const lock = `${folder}.lock`
  if (!(await takeLock(lock))) return waitForBuild(folder, lock)
  try {
    await buildInto(folder)
  } finally {
    await rm(lock, { force: true })
  }
  return folder
}

/** Changes with every file that the page is built from. */
async function fingerprintSources(): Promise<string> {
  const files = await Array.fromAsync(glob('web/{build,src}/**/*.*', { cwd: root }))
  const hash = createHash('sha256')
  for (const file of [
    ...files,
    'src/contract/formats.ts',
    'web/index.html',
    'web/preview-frame.html',
    'web/vite.config.ts',
    'package-lock.json',
  ].toSorted()) {
    // Types are not part of what is built.
    if (file.endsWith('.d.ts')) continue
    hash.update(`${file}\0`).update(await readFile(join(root, file)))
  }
  return hash.digest('hex').slice(0, 16)
}

async function isBuilt(folder: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).includes('index.html')
}

async function takeLock(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx')
    await file.writeFile(String(process.pid))
    await file.close()
    return true
  } catch {
    return false
  }
}

async function waitForBuild(folder: string, lock: string): Promise<string> {
  const deadline = Date.now() + maxWaitMs
  while (Date.now() < deadline) {
    if (await isBuilt(folder)) return folder
    if (!(await isOwnerAlive(lock))) {
      await rm(lock, { force: true })
      return buildPage()
    }
    await wait(200)
  }
  throw new Error(`another process builds the page and does not end; remove ${lock} if there is none`)
}

async function isOwnerAlive(lock: string): Promise<boolean> {
  const pid = Number(await readFile(lock, 'utf8').catch(() => ''))
  // The file is empty until its owner has written the number.
  if (pid === 0) return (await readdir(builds)).some((name) => lock.endsWith(name))
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A killed build leaves no half folder, because the finished one is renamed. */
async function buildInto(folder: string): Promise<void> {
  // A test run has another value, with which React is its slow form for developers.
  process.env['NODE_ENV'] = 'production'
  const { build } = await import('vite')
  const draft = `${folder}.draft`
  await rm(draft, { recursive: true, force: true })
  await build({
    configFile: join(root, 'web/vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: draft, emptyOutDir: true },
  })
  await compress(draft)
  await rename(draft, folder)
  for (const name of await readdir(builds))
    if (!folder.endsWith(name) && !name.endsWith('.lock'))
      await rm(join(builds, name), { recursive: true, force: true })
}

/** Compressed once here, so that the service spends no time on it. */
async function compress(folder: string): Promise<void> {
  for await (const file of glob('**/*.{js,mjs,css,svg,html,wasm}', { cwd: folder })) {
    const bytes = await readFile(join(folder, file))
    await writeFile(join(folder, `${file}.gz`), await promisify(gzip)(bytes, { level: 9 }))
    await writeFile(join(folder, `${file}.br`), await promisify(brotliCompress)(bytes))
  }
}
