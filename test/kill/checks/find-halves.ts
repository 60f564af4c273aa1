import type { Client } from 'pg'

/** The writes of one transaction must exist completely or not at all. Each query finds a violation. */
const halves: Record<string, string> = {
  'a document without its newest version': `
    select d.id from documents d where not exists (
      select from document_versions v
      where v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version)`,
  'a document without its row for the platform': `
    select d.id from documents d where not exists (
      select from firm_documents f where f.firm_id = d.firm_id and f.id = d.id)`,
  'a row of the platform without its document': `
    select f.id from firm_documents f where not exists (
      select from documents d where d.firm_id = f.firm_id and d.id = f.id)`,
  'a row of the platform that names another place': `
    select f.id from firm_documents f
    join documents d on d.firm_id = f.firm_id and d.id = f.id
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version
    where f.file_path <> case when v.store = 's3' then '' else 'uploads/' end || v.storage_key
       or f.file_size <> v.file_size`,
  'a document that the trail does not know': `
    select d.id from documents d where not exists (
      select from document_events e
      where e.firm_id = d.firm_id and e.document_id = d.id and e.action = 'document.uploaded' and e.outcome = 'ok')`,
  'a document that the trail knows and that is not there': `
    select e.document_id as id from document_events e
    where e.action = 'document.uploaded' and e.outcome = 'ok' and not exists (
      select from documents d where d.firm_id = e.firm_id and d.id = e.document_id) and not exists (
      select from document_disposals p where p.document_id = e.document_id)`,
  'an Idempotency-Key that stands for no document': `
    select k.document_id as id from document_idempotency_keys k where not exists (
      select from documents d where d.firm_id = k.firm_id and d.id = k.document_id) and not exists (
      select from document_disposals p where p.document_id = k.document_id)`,
  'one place that two versions name': `
    select storage_key as id from document_versions group by storage_key having count(*) > 1`,
}

/** Finds partial writes. */
export async function findHalves(client: Client): Promise<string[]> {
  const found: string[] = []
  for (const [what, query] of Object.entries(halves)) {
    const { rows } = await client.query<{ id: string }>(query)
    found.push(...rows.map(({ id }) => `${what}: ${id}`))
  }
  return found
}
