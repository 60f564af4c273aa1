-- Why: an operator sees when each job last ran, on which instance and how it ended.
create table document_runs (
  task text not null,
  -- The disk that it is done for, by its store's id; empty for what is done once for all.
  place text not null default '',
  known_since timestamptz not null default now(),
  -- The run under way; of one that was killed it stays.
  begun_at timestamptz,
  begun_by text,
  -- The last one that came to an end.
  started_at timestamptz,
  ended_at timestamptz,
  ended_by text,
  outcome text check (outcome in ('ok', 'failed')),
  error text,
  did jsonb,
  succeeded_at timestamptz,
  primary key (task, place)
);
