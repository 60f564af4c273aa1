-- Why: a move's source is the last right copy when what was moved is found missing or wrong; then it must stay.
alter table document_removals add column version_id uuid;
