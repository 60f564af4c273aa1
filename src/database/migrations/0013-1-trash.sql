-- Why: a document in the trash has no row in firm_documents, and comes back with the very row that it had.
alter table documents
  -- The platform's row, whole, also in columns that we know nothing of; and which version it showed.
  add column trashed_row jsonb,
  add column trashed_version integer;
create index documents_in_trash on documents (deleted_at) where deleted_at is not null;

-- However it comes back, also when the platform inserts its row again: what was kept is of no use to a later deletion.
create function document_forget_trashed_row() returns trigger language plpgsql as $$
begin
  new.trashed_row = null;
  new.trashed_version = null;
  return new;
end
$$;
create trigger documents_back before update of deleted_at on documents
  for each row when (new.deleted_at is null) execute function document_forget_trashed_row();
