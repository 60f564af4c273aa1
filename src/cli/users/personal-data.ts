import { randomUUID } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

import { z } from 'zod'

import { systemActor } from '../../database/audit/events.ts'
import { type Db, readClock } from '../../database/connection/client.ts'
import { findAccountByEmail } from '../../database/people/accounts.ts'
import { codeOf } from '../../errors/app-error.ts'
import { erase } from '../../people/personal-data/erase-person.ts'
import { startExport } from '../../people/personal-data/export-person.ts'
import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { CommandNeeds } from '../command/run-command.ts'
import { requireAccount, withDatabase } from '../command/with-database.ts'
import type { Confirm } from '../printing/ask-on-terminal.ts'
import { WrongUse } from '../printing/explain-failure.ts'
import type { ErasePersonOptions, ExportPersonOptions } from './personal-data-commands.ts'

/** `users export`. */
export async function exportPersonTo(
  needs: CommandNeeds,
  whose: string,
  { output }: ExportPersonOptions,
): Promise<void> {
  const { print, signal } = needs
  const userId = await withDatabase(needs, async ({ db }) => {
    const id = await idOf(db, whose)
    const pieces = await startExport({ db, now: await readClock(db) }, systemActor(randomUUID()), id)
    await writeNew(output, pieces, signal)
    return id
  })
  print.json({ id: userId, file: output })
  print.text(`${print.mark(true)} Everything about ${whose} is in ${output}. It is personal data: protect it.`)
}

/** `users erase`. */
export async function erasePersonHere(
  needs: CommandNeeds & { confirm: Confirm },
  whose: string,
  { evenLastAdmin }: ErasePersonOptions,
): Promise<void> {
  const { print, confirm } = needs
  const erased = await withDatabase(needs, async ({ db }) => {
    const userId = await findId(db, whose)
    if (userId === undefined) return undefined
    await confirm(`${whose} is erased for good.`, whose)
    const request = { userId, evenLastAdmin: evenLastAdmin === true }
    return await erase({ db, now: await readClock(db) }, systemActor(randomUUID()), request)
  })
  if (erased === undefined) {
    print.json({ id: null, is_complete: true, covers: 'nothing' })
    print.text(`${print.mark('note')} No account has the e-mail ${whose}, so nothing was erased. ${noAccountAdvice}`)
    return
  }
  const { userId, finishedAt, covers } = erased
  const isComplete = finishedAt !== null
  print.json({ id: userId, is_complete: isComplete, covers })
  print.text(`${print.mark(true)} ${whose} is erased. The id ${userId} stays in documents and events.`)
  if (!isComplete) print.text('A running service deletes the addresses of the rest of the events.')
  if (covers === 'own_tables_and_events')
    print.text(`${print.mark('note')} The account and its memberships are the platform’s, and stay. Erase them there.`)
  print.text(`${print.mark('note')} Backups made before still have the person. Delete them when you can.`)
}

/** An erasure leaves no trace of the e-mail, so a repeat cannot know that there was one. */
const noAccountAdvice =
  'If you erased this person before, that is done; repeat it with their id. Otherwise check the spelling.'

async function idOf(db: Db, whose: string): Promise<UserId> {
  return asId(whose) ?? (await requireAccount(db, whose)).id
}

async function findId(db: Db, whose: string): Promise<UserId | undefined> {
  return asId(whose) ?? (await findAccountByEmail(db, whose))?.id
}

function asId(whose: string): UserId | undefined {
  return z.guid().safeParse(whose).data as UserId | undefined // checked as a UUID
}

/** A failed export leaves no file, which would look complete. */
async function writeNew(path: string, pieces: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw new WrongUse(
      `${path} cannot be created (${codeOf(error) ?? 'no reason given'}). Name a file that does not exist yet, in a folder that does.`,
    )
  })
  try {
    await pipeline(pieces, file.createWriteStream(), { signal })
  } catch (error) {
    await unlink(path).catch(() => undefined)
    throw error
  }
}
