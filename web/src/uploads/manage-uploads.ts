import { Failure } from '../api/problem.ts'
import { openTabs, type TabMessage, type Tabs } from './between-tabs.ts'
import { deleteRow, readRow, readRows, removeAtSignOut, removeOthersAndOld, writeRow } from './device-database.ts'
import { delayAfter, endResumable, isAboutFile, isOfService, runUpload } from './run-upload.ts'
import { isOpen, randomId, rowOf, type Upload, uploadOf, type UploadRow, type UploadTarget } from './upload-record.ts'
import { announceDocument, changeUploads, findUpload, listUploads, updateUpload } from './upload-state.ts'

/** More would make each one slower on a phone, and a lost connection would lose more. */
const maxAtOnce = 2
/** Other tabs need no more. */
const reportEveryMs = 300

let owner: { personId: string; tabs: Tabs } | undefined
/** Counts what this tab changed, so that rows that were read meanwhile are read again. */
let changes = 0
const running = new Map<string, AbortController>()
const timers = new Map<string, ReturnType<typeof setTimeout>>()

window.addEventListener('online', () => resumeInterrupted())
window.addEventListener('beforeunload', (event) => {
  // Stored ones go on at the next visit.
  if (listUploads().some((upload) => isOpen(upload) && !upload.isLasting)) event.preventDefault()
})
removeAtSignOut(closeUploads)

/** Goes on with the uploads that this person left on this device. Those of other people are removed. */
export function openUploads(personId: string): void {
  if (owner?.personId === personId) return
  closeUploads()
  owner = { personId, tabs: openTabs(personId, { onMessage, onSender: takeOver, onLost: stopSending }) }
  void removeOthersAndOld(personId)
    .then(readStored)
    .catch(() => undefined)
}

/** Who is signed in; undefined before that is known. */
export function uploadsOwner(): string | undefined {
  return owner?.personId
}

/** Stores a file on the device and uploads it. `failure`: it is only listed, with what is wrong. */
export async function addUpload(target: UploadTarget, file: File, failure?: Failure): Promise<void> {
  if (owner === undefined) return
  const { personId } = owner
  const upload: Upload = {
    id: randomId(),
    personId,
    addedAt: Date.now(),
    target,
    fileName: file.name,
    fileBytes: file.size,
    file: failure === undefined ? file : undefined,
    idempotencyKey: randomId(),
    state: failure === undefined ? 'waiting' : 'failed',
    sentBytes: 0,
    attempts: 0,
    serviceFailures: 0,
    failure,
    isLasting: false,
  }
  if (failure !== undefined) return changeUploads([...listUploads(), upload])
  const stored = await storeOnDevice(upload)
  // Meanwhile the person may have signed out, and a tab that reads all rows may have it already.
  if (owner?.personId !== personId) return
  changes += 1
  if (findUpload(upload.id) === undefined) changeUploads([...listUploads(), stored])
  announceChange()
  startNext()
}

/** A full device, or a private window of some browsers, stores nothing: then the upload lives as long as the tab. */
async function storeOnDevice(upload: Upload): Promise<Upload> {
  try {
    await writeRow('uploads', rowOf(upload))
    const row = await readRow<UploadRow>('uploads', upload.id)
    return row === undefined ? upload : uploadOf(row)
  } catch {
    return upload
  }
}

export function retryUpload(id: string): void {
  setStored(id, { state: 'waiting', failure: undefined, attempts: 0, serviceFailures: 0 })
}

export function pauseUpload(id: string): void {
  setStored(id, { state: 'paused', failure: undefined, ...sentAgain(id) })
  stop(id)
}

/** A form is sent from its beginning again. */
function sentAgain(id: string): Partial<Upload> {
  return findUpload(id)?.resumeAddress === undefined ? { sentBytes: 0 } : {}
}

export function cancelUpload(id: string): void {
  const upload = findUpload(id)
  if (upload === undefined) return
  end(upload, 'cancelled')
  stop(id)
  if (upload.resumeAddress !== undefined) void endResumable(upload.resumeAddress)
}

/** Removes ended uploads from the list. */
export function hideUploads(ids: readonly string[]): void {
  changes += 1
  changeUploads(listUploads().filter(({ id }) => !ids.includes(id)))
  for (const id of ids) void deleteRow('uploads', id).then(announceChange, announceChange)
}

function closeUploads(): void {
  owner?.tabs.close()
  owner = undefined
  stopSending()
  changeUploads([])
}

function stopSending(): void {
  for (const id of [...running.keys(), ...timers.keys()]) stop(id)
}

function stop(id: string): void {
  running.get(id)?.abort()
  running.delete(id)
  clearTimeout(timers.get(id))
  timers.delete(id)
  startNext()
}

/** Another tab sent until now, or none. */
function takeOver(): void {
  for (const { id, state, isLasting } of listUploads())
    if (isLasting && !running.has(id) && (state === 'sending' || state === 'interrupted'))
      updateUpload(id, { state: 'waiting' })
  void readStored()
}

/** Brings the list in line with what is stored, which also other tabs change. */
async function readStored(): Promise<void> {
  if (owner === undefined) return
  const { personId } = owner
  const before = changes
  const rows = await readRows<UploadRow>('uploads', personId).catch((): UploadRow[] => [])
  if (owner?.personId !== personId) return
  if (before !== changes) return readStored()
  const stored = new Map(rows.map((row) => [row.id, row]))
  const known = listUploads().flatMap((upload) => {
    const row = stored.get(upload.id)
    stored.delete(upload.id)
    if (row !== undefined) return [inLine(upload, row)]
    return upload.isLasting && (isOpen(upload) || upload.state === 'failed') ? [] : [upload]
  })
  changeUploads([...known, ...[...stored.values()].map(uploadOf)])
  for (const id of [...running.keys()]) if (findUpload(id)?.state !== 'sending') stop(id)
  startNext()
}

function inLine(upload: Upload, row: UploadRow): Upload {
  const isUnderWay = upload.state === 'sending' || upload.state === 'interrupted'
  const { state, failure, resumeAddress } = uploadOf(row)
  return state === 'waiting' && isUnderWay ? { ...upload, resumeAddress } : { ...upload, state, failure, resumeAddress }
}

function onMessage(message: TabMessage): void {
  if (message.kind === 'changed') void readStored()
  if (message.kind === 'progress') followProgress(message)
  if (message.kind === 'ended') {
    const upload = findUpload(message.id)
    if (upload === undefined) return
    changes += 1
    updateUpload(upload.id, endedFacts(upload, message.state, message.duplicateOf))
    stop(upload.id)
    if (message.state === 'done') announceDocument(upload)
  }
}

/** A message that was on its way when the person paused or cancelled the upload changes nothing. */
function followProgress({ id, state, sentBytes }: Extract<TabMessage, { kind: 'progress' }>): void {
  const before = findUpload(id)?.state
  if (before === 'waiting' || before === 'sending' || before === 'interrupted')
    updateUpload(id, { state, sentBytes, failure: undefined })
}

/** A state that survives the tab, and that the tab that sends obeys. */
function setStored(id: string, facts: Partial<Upload>): void {
  changes += 1
  updateUpload(id, facts)
  const upload = findUpload(id)
  if (upload === undefined) return
  if (upload.isLasting) void writeRow('uploads', rowOf(upload)).then(announceChange, announceChange)
  startNext()
}

function announceChange(): void {
  owner?.tabs.post({ kind: 'changed' })
}

function resumeInterrupted(): void {
  for (const { id, state } of listUploads()) {
    if (state !== 'interrupted') continue
    updateUpload(id, { state: 'waiting' })
    stop(id)
  }
}

function startNext(): void {
  if (owner === undefined) return
  for (const upload of listUploads()) {
    if (running.size >= maxAtOnce) return
    const isOwn = !upload.isLasting || owner.tabs.isSender()
    if (isOwn && upload.state === 'waiting' && !running.has(upload.id)) void run(upload)
  }
}

async function run(upload: Upload): Promise<void> {
  const { id } = upload
  const controller = new AbortController()
  const { signal } = controller
  running.set(id, controller)
  clearTimeout(timers.get(id))
  updateUpload(id, { state: 'sending', failure: undefined })
  const onBegun = (resumeAddress: string) => {
    if (!signal.aborted) setStored(id, { resumeAddress })
  }
  try {
    const duplicateOf = await runUpload(upload, { onProgress: reporterOf(upload, signal), onBegun, signal })
    if (!signal.aborted) end(upload, 'done', duplicateOf)
  } catch (error) {
    if (!signal.aborted) fail(upload, error instanceof Failure ? error : new Failure('unknown', 0))
  } finally {
    if (running.get(id) === controller) running.delete(id)
    startNext()
  }
}

function reporterOf({ id, fileBytes }: Upload, signal: AbortSignal): (sentBytes: number) => void {
  let reportedAt = 0
  return (sentBytes) => {
    if (signal.aborted) return
    updateUpload(id, { sentBytes })
    if (Date.now() - reportedAt < reportEveryMs && sentBytes < fileBytes) return
    reportedAt = Date.now()
    owner?.tabs.post({ kind: 'progress', id, state: 'sending', sentBytes })
  }
}

function end(upload: Upload, state: 'done' | 'cancelled', duplicateOf?: string): void {
  const { id, isLasting } = upload
  changes += 1
  updateUpload(id, endedFacts(upload, state, duplicateOf))
  const announce = () => owner?.tabs.post({ kind: 'ended', id, state, duplicateOf })
  if (isLasting) void deleteRow('uploads', id).then(announce, announce)
  if (state === 'done') announceDocument(upload)
}

function endedFacts({ fileBytes }: Upload, state: 'done' | 'cancelled', duplicateOf?: string): Partial<Upload> {
  return { state, duplicateOf, file: undefined, failure: undefined, sentBytes: state === 'done' ? fileBytes : 0 }
}

function fail({ id }: Upload, failure: Failure): void {
  const { attempts = 0, serviceFailures = 0 } = findUpload(id) ?? {}
  const tries = { attempts: attempts + 1, serviceFailures: serviceFailures + (isOfService(failure) ? 1 : 0) }
  const delay = delayAfter(failure, tries)
  if (delay === undefined) {
    setStored(id, { state: 'failed', failure, ...tries, ...(isAboutFile(failure) ? { file: undefined } : {}) })
    return
  }
  updateUpload(id, { state: 'interrupted', failure, ...tries, ...sentAgain(id) })
  owner?.tabs.post({ kind: 'progress', id, state: 'interrupted', sentBytes: findUpload(id)?.sentBytes ?? 0 })
  const resume = () => {
    timers.delete(id)
    if (findUpload(id)?.state === 'interrupted') updateUpload(id, { state: 'waiting' })
    startNext()
  }
  timers.set(id, setTimeout(resume, delay))
}
