import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { onTestFinished } from 'vitest'

import { findFreePorts } from '../support/services/packages/free-ports.ts'
import type { Podman } from '../support/services/programs/podman.ts'

export type Container = {
  name: string
  url: string
  log(): Promise<string>
  /** Returns once its log contains this. */
  untilLogged(pattern: RegExp): Promise<void>
  /** Stops it like an operator; returns its exit code. */
  end(): Promise<number>
  startAgain(): Promise<void>
}

type Options = { settings?: Record<string, string>; options?: string[]; command?: string[] }

let count = 0
/** It shares the network of this machine, where S3 and PostgreSQL are, and listens only on the loopback address. */
const defaults = ['--network', 'host', '--cgroups', 'disabled', '--log-driver', 'k8s-file']

/** The time and the output of a line. */
const ofEachLine = /^\S+ std(out|err) F /gm

/** Starts a container whose command ends by itself, or serves on a free port. */
export async function runContainer(podman: Podman, image: string, wish: Options = {}): Promise<Container> {
  const name = `paniq-${process.pid}-${(count += 1)}`
  const [port] = await findFreePorts(1)
  const settings = { HOST: '127.0.0.1', PORT: String(port), AWS_EC2_METADATA_DISABLED: 'true', ...wish.settings }
  const given = Object.entries(settings).flatMap(([key, value]) => ['--env', `${key}=${value}`])
  onTestFinished(async () => void (await podman.run(['rm', '--force', '--time', '0', '--volumes', name])))
  const file = join(podman.folder, `${name}.log`)
  const log = async () => (await readFile(file, 'utf8')).replaceAll(ofEachLine, '')
  await podman.run([
    'run',
    '--detach',
    '--name',
    name,
    ...defaults,
    '--log-opt',
    `path=${file}`,
    ...given,
    ...(wish.options ?? []),
    image,
    ...(wish.command ?? []),
  ])

  return {
    name,
    url: `http://127.0.0.1:${port}`,
    log,
    async untilLogged(pattern) {
      for (let looks = 1; !pattern.test(await log()); looks += 1) {
        if (looks % 50 === 0 && !(await isRunning(podman, name)))
          throw new Error(`it ended, and had said: ${await log()}`)
        await sleep(100)
      }
    },
    async end() {
      await podman.run(['kill', '--signal', 'TERM', name])
      return exitCode(podman, name)
    },
    async startAgain() {
      await podman.run(['start', name])
    },
  }
}

/** For a container that ends: its result. */
export async function exitCode(podman: Podman, name: string): Promise<number> {
  return Number(await podman.run(['wait', name], 120_000))
}

async function isRunning(podman: Podman, name: string): Promise<boolean> {
  return (await podman.run(['inspect', '--format', '{{.State.Running}}', name])) === 'true'
}
