import {
  findCompleteUpload,
  listCompleteUploads,
  postponeEnd,
  type ResumableUpload,
} from '../../database/resumable/resumable-uploads.ts'
import { recordEvent, systemActor } from '../../database/audit/events.ts'
import { isAppError } from '../../errors/app-error.ts'
import type { Actor, SecondFactorPolicy, UploadId } from '../../vocabulary/vocabulary.ts'
import { type ReachableStore, reachableStores, toAppError } from '../stores/reachable-stores.ts'
import { withFreeClaim } from './claim-upload.ts'
import { endUpload, type EndNeeds, eventOfUpload, isFinal } from './end-upload.ts'

/** `secondFactor`: who must have a second factor, for uploads by an API key. */
export type FinishNeeds = EndNeeds & { secondFactor: SecondFactorPolicy }

/** Numbers of uploads that became documents, that were rejected or denied, and that wait for another run. */
export type Finished = { finished: number; rejected: number; left: number }

const pageSize = 50
/** Before another run tries an upload again. The pause doubles with each failure that the file may have caused. */
const pauseMinutes = { firstMinutes: 1, maxMinutes: 60 }

/**
 * Finishes uploads whose bytes are all there and whose client does not come back: its process died, or a store or the
 * scanner failed after the last byte. The same rules apply as for the client, who gets the same answer when it returns. The
 * rights are judged again, those of the person and of their API key. Any number of these may run at once. When `signal`
 * aborts, the file that is being read is left for the next run.
 */
export async function finishUploads(needs: FinishNeeds, taskId: string, signal: AbortSignal): Promise<Finished> {
  const counts: Finished = { finished: 0, rejected: 0, left: 0 }
  for (const here of reachableStores(needs.stores))
    for await (const upload of completeUploads(needs, here)) {
      if (signal.aborted || isOut(here)) break
      const outcome = await finishOne(needs, { taskId, upload, signal })
      if (outcome !== undefined) counts[outcome] += 1
    }
  return counts
}

async function* completeUploads({ db }: FinishNeeds, here: ReachableStore): AsyncGenerator<ResumableUpload> {
  let after: UploadId | undefined
  do {
    const page = await listCompleteUploads(db, here, { after, limit: pageSize })
    yield* page
    after = page.length < pageSize ? undefined : page.at(-1)?.id
  } while (after !== undefined)
}

function isOut(here: ReachableStore): boolean {
  return here.store === 's3' && here.files.outage() !== undefined
}

type OneToFinish = { taskId: string; upload: ResumableUpload; signal: AbortSignal }

/** Undefined: a request is at work on it, it has ended or is not due any more, or the signal aborted. */
async function finishOne(
  needs: FinishNeeds,
  { taskId, upload, signal }: OneToFinish,
): Promise<keyof Finished | undefined> {
  const actor = actorOf(needs, taskId, upload)
  const reread = () => findCompleteUpload(needs.db, upload.id)
  try {
    return await withFreeClaim(needs, { upload, reread }, async (current) => {
      await endUpload(needs, actor, current, signal)
      return 'finished' as const
    })
  } catch (error) {
    if (isFinal(error)) {
      const { code: outcome, details } = error
      await recordEvent(needs.db, actor, { ...eventOfUpload(upload), outcome, details })
      return 'rejected'
    }
    if (signal.aborted) return undefined
    const isOfFile = !isAppError(toAppError(error), 'store_unavailable')
    await postponeEnd(needs.db, upload.id, { isOfFile, ...pauseMinutes })
    const about = { event: 'upload_not_finished', upload_id: upload.id, err: error }
    needs.log.warn(about, 'upload could not be finished, trying again later')
    return 'left'
  }
}

/** The person who sent the file, without their address: the service acts for them. */
function actorOf({ secondFactor }: FinishNeeds, taskId: string, { userId, apiKeyId }: ResumableUpload): Actor {
  const keys = apiKeyId === null ? { apiKeyId: undefined } : { apiKeyId, secondFactor }
  return { ...systemActor(taskId), userId, sessionId: undefined, ...keys }
}
