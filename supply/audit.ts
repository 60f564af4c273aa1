import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

import { z } from 'zod'

export type Finding = { name: string; severity: string; about: string }

export type AuditResult =
  /** `others`: known vulnerabilities below high. */
  { kind: 'answered'; high: Finding[]; others: Finding[] } | { kind: 'no_answer'; why: string }

const finding = z.object({
  severity: z.enum(['info', 'low', 'moderate', 'high', 'critical']),
  via: z.array(z.union([z.string(), z.object({ title: z.string(), url: z.string().optional() })])),
})
const report = z.object({
  vulnerabilities: z.record(z.string(), finding),
  metadata: z.object({ vulnerabilities: z.object({ total: z.int() }) }),
})
const failure = z.object({ message: z.string() })

/**
 * Asks npm's registry for known vulnerabilities of every package in `package-lock.json`. `no_answer`: the registry does
 * not support audits or cannot be reached, which does not mean that there are none.
 */
export async function audit(root: string, env: NodeJS.ProcessEnv = process.env): Promise<AuditResult> {
  const { stdout, stderr } = await runNpm(['audit', '--json', '--package-lock-only'], root, env)
  const output = parse(stdout)
  const told = report.safeParse(output)
  if (!told.success) return { kind: 'no_answer', why: whyIn(output) ?? (stderr.trim() || 'npm printed nothing') }

  const found = Object.entries(told.data.vulnerabilities).map(([name, { severity, via }]) => ({
    name,
    severity,
    about: via.map((each) => (typeof each === 'string' ? `by way of ${each}` : each.title)).join('; '),
  }))
  return { kind: 'answered', high: found.filter(isHigh), others: found.filter((each) => !isHigh(each)) }
}

function isHigh({ severity }: Finding): boolean {
  return severity === 'high' || severity === 'critical'
}

/** Limits a silent registry to a minute. The environment can override these. */
const patience = {
  npm_config_fetch_timeout: '10000',
  npm_config_fetch_retries: '1',
  npm_config_fetch_retry_mintimeout: '1000',
}

async function runNpm(words: string[], cwd: string, env: NodeJS.ProcessEnv) {
  // npm exits with 1 for a finding and for a failure, so only its output counts.
  const child = spawn('npm', words, { cwd, env: { ...patience, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const failed = new Promise<never>((_resolve, reject) => void child.once('error', reject))
  const [stdout, stderr] = await Promise.race([Promise.all([text(child.stdout), text(child.stderr)]), failed])
  return { stdout, stderr }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function whyIn(output: unknown): string | undefined {
  return failure.safeParse(output).data?.message
}
