import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import type { AddressOf, ServiceName } from './packages/service-addresses.ts'
import { ServiceFailure } from './packages/service-failure.ts'

export type KeeperAnswer = { addresses: Partial<AddressOf> } | { failure: string }

export type RunningServices = { addresses: Partial<AddressOf>; stop: () => Promise<void> }

/** Starts services that end when `stop` is called, and also if this process ends without calling it. */
export async function keepServices(names: ServiceName[]): Promise<RunningServices> {
  const storer = fork(fileURLToPath(new URL('services-process.ts', import.meta.url)), names, {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const answer = await answerOf(storer)
  if ('failure' in answer) throw new ServiceFailure(answer.failure)

  // Neither the process nor the channel to it keeps this process alive.
  storer.unref()
  storer.channel?.unref()
  return { addresses: answer.addresses, stop: () => stopKeeper(storer) }
}

function answerOf(keeper: ChildProcess): Promise<KeeperAnswer> {
  return new Promise((resolve, reject) => {
    keeper.once('error', reject)
    keeper.once('exit', () => reject(new ServiceFailure('The process that keeps the services ended at its start.')))
    // Only our own process writes to this channel, and only this message.
    keeper.once('message', (message) => resolve(message as KeeperAnswer))
  })
}

async function stopKeeper(keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return
  keeper.ref()
  const gone = once(keeper, 'exit')
  if (keeper.connected) keeper.disconnect()
  await gone
}
