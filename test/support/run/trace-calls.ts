import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { findProgram, type PackageNeed } from '../services/packages/install-packages.ts'

const run = promisify(execFile)

/** The package of strace, for test files that trace system calls: install it before the tests. */
export const straceNeed: PackageNeed = {
  service: 'The test of what is durable (strace)',
  packages: ['strace'],
  aboutMegabytes: 2,
  variables: [],
  missing: async () => ((await findProgram('strace')) === undefined ? ['strace'] : []),
}

type Traced = { calls: string; inject?: string[] }

/**
 * Runs Node in a separate process, and returns its output and its system calls, as lines of strace in the order of
 * their results. `calls`: the calls, with commas. `inject`: a failing call in the syntax of strace.
 */
export async function traceCalls(words: string[], { calls, inject = [] }: Traced) {
  const folder = await mkdtemp(join(tmpdir(), 'trace-'))
  try {
    const output = join(folder, 'calls')
    const traced = ['-f', '-y', '-o', output, '-e', `trace=${calls}`]
    const strace = [...traced, ...inject.map((each) => `--inject=${each}`), process.execPath, ...words]
    // With one thread for files, strace counts their calls in one sequence.
    const { stdout } = await run('strace', strace, { env: { ...process.env, UV_THREADPOOL_SIZE: '1' } })
    return { stdout, lines: joinSplit((await readFile(output, 'utf8')).split('\n')) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A call that is interrupted by another thread's call is printed in two lines. */
function joinSplit(lines: string[]): string[] {
  const begun = new Map<string, string>()
  return lines.flatMap((line) => {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const [, beginning] = /^(.*) <unfinished \.\.\.>$/.exec(rest) ?? []
    if (beginning !== undefined) {
      begun.set(thread, beginning)
      return []
    }
    const [, end] = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest) ?? []
    return [end === undefined ? line : `${thread} ${begun.get(thread) ?? ''}${end}`]
  })
}
