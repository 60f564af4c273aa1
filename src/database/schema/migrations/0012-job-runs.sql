-- Why: operators see when each job last ran, on which instance and how it ended.
create table document_runs (
  task text not null,
  -- The id of the local store that the job ran for; empty for a job that runs once for all instances.
  place text not null default '',
  known_since timestamptz not null default now(),
  -- The current run. The values stay when the process is killed.
  running_since timestamptz,
  running_on text,
  -- The last finished run.
  started_at timestamptz,
  ended_at timestamptz,
  ended_by text,
  outcome text check (outcome in ('ok', 'failed')),
  error text,
  did jsonb,
  succeeded_at timestamptz,
  primary key (task, place)
);
