import { sql } from 'kysely'

import type { FirmId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'

/** Files of one age, small or large. */
export type FileGroup = {
  ageDays: number
  /** Smaller than `smallBytes`. */
  isSmall: boolean
  files: number
  bytes: number
  /** The requests that uploaded them to S3; 0 for hidden objects and downloads. */
  requests: number
}

export type CostFacts = {
  firms: number
  /** The content of all versions in any store, by days since the upload. */
  stored: FileGroup[]
  /** How many of them are in a local store. */
  localFiles: number
  /** Objects removed from S3 that the bucket still has, by days since the removal. */
  hidden: FileGroup[]
  /** Downloads within the period, by the age of the file at the download. */
  downloads: FileGroup[]
}

type CostQuery = {
  periodDays: number
  smallBytes: number
  /** Larger files are uploaded in parts of `partBytes`, with two more requests. */
  wholeBytes: number
  partBytes: number
}

/** A system task: every firm that has or had documents. */
export async function listFirmsWithFiles(db: Db): Promise<FirmId[]> {
  // One step in the index for each firm, however many documents it has.
  const { rows } = await sql<{ id: FirmId }>`
    with recursive firms (id) as (
      (select firm_id from documents order by firm_id limit 1)
      union all
      select (select d.firm_id from documents d where d.firm_id > f.id order by d.firm_id limit 1)
      from firms f where f.id is not null
    )
    select id from firms where id is not null union select firm_id from document_disposals order by id`.execute(db)
  return rows.map(({ id }) => id)
}

/** A system task: the files of one firm, grouped by age in days. */
export async function readCostFacts(db: Db, firmId: FirmId, question: CostQuery): Promise<CostFacts> {
  const stored = await readStored(db, firmId, question)
  return {
    firms: 1,
    stored,
    localFiles: stored.reduce((count, { localFiles }) => count + localFiles, 0),
    hidden: await readHidden(db, firmId, question),
    downloads: await readDownloads(db, firmId, question),
  }
}

async function readStored(
  db: Db,
  firmId: FirmId,
  question: CostQuery,
): Promise<(FileGroup & { localFiles: number })[]> {
  const { smallBytes, wholeBytes, partBytes } = question
  const { rows } = await sql<FileGroup & { localFiles: number }>`
    select ${daysSince(sql`now()`, sql`uploaded_at`)} as "ageDays", file_size < ${smallBytes}::int as "isSmall",
      count(*)::int as files, sum(file_size)::float8 as bytes,
      sum(case when file_size <= ${wholeBytes}::int then 1 else ceil(file_size / ${partBytes}::float8) + 2 end)::float8 as requests,
      count(*) filter (where store = 'local')::int as "localFiles"
    from document_versions where firm_id = ${firmId} and bytes_state <> 'removed'
    group by 1, 2`.execute(db)
  return rows
}

async function readHidden(db: Db, firmId: FirmId, { smallBytes }: CostQuery): Promise<FileGroup[]> {
  const { rows } = await sql<FileGroup>`
    with files as (
      select changed_at as since, bytes from document_blobs
      where firm_id = ${firmId} and store = 's3' and store_id is null and state in ('leaving', 'hidden') and bytes is not null
    )
    select ${daysSince(sql`now()`, sql`since`)} as "ageDays", bytes < ${smallBytes}::int as "isSmall",
      count(*)::int as files, sum(bytes)::float8 as bytes, 0 as requests
    from files group by 1, 2`.execute(db)
  return rows
}

/** A file that no longer exists counts with the average size of the others. */
async function readDownloads(db: Db, firmId: FirmId, { periodDays, smallBytes }: CostQuery): Promise<FileGroup[]> {
  const { rows } = await sql<FileGroup>`
    with downloaded as (
      select ${daysSince(sql`e.occurred_at`, sql`coalesce(v.uploaded_at, e.occurred_at)`)} as age,
        coalesce(v.file_size, avg(v.file_size) over (), 0)::float8 as bytes
      from document_events e
      left join document_versions v
        on v.firm_id = e.firm_id and v.document_id = e.document_id and v.version = e.version
      where e.firm_id = ${firmId} and e.action = 'document.downloaded' and e.outcome = 'ok'
        and e.occurred_at > now() - make_interval(days => ${periodDays}::int)
    )
    select age as "ageDays", bytes < ${smallBytes}::int as "isSmall", count(*)::int as files,
      sum(bytes)::float8 as bytes, 0 as requests
    from downloaded group by 1, 2`.execute(db)
  return rows
}

const daysSince = (now: ReturnType<typeof sql>, since: ReturnType<typeof sql>) =>
  sql`greatest(0, floor(extract(epoch from ${now} - ${since}) / 86400))::int`

/** The facts of one firm or of all. One statement per firm keeps each statement short. */
export async function collectCostFacts(db: Db, firmId: FirmId | undefined, question: CostQuery): Promise<CostFacts> {
  const firms = firmId === undefined ? await listFirmsWithFiles(db) : [firmId]
  const all = { stored: createGroups(), hidden: createGroups(), downloads: createGroups() }
  let localFiles = 0
  for (const firm of firms) {
    const facts = await readCostFacts(db, firm, question)
    localFiles += facts.localFiles
    all.stored.add(facts.stored)
    all.hidden.add(facts.hidden)
    all.downloads.add(facts.downloads)
  }
  return {
    firms: firms.length,
    localFiles,
    stored: all.stored.groups(),
    hidden: all.hidden.groups(),
    downloads: all.downloads.groups(),
  }
}

/** Adds up groups of the same age and kind. */
function createGroups() {
  const byKind = new Map<string, FileGroup>()
  return {
    add(groups: FileGroup[]) {
      for (const { ageDays, isSmall, files, bytes, requests } of groups) {
        const kind = `${ageDays} ${isSmall}`
        const total = byKind.get(kind) ?? { ageDays, isSmall, files: 0, bytes: 0, requests: 0 }
        total.files += files
        total.bytes += bytes
        total.requests += requests
        byKind.set(kind, total)
      }
    },
    groups: () => [...byKind.values()],
  }
}
