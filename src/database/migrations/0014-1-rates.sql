-- Why: how much somebody does in an hour is held to a limit over all instances, which take their permits in batches.
-- What is lost in a crash is a limit that begins anew: not worth a way to the disk.
create unlogged table document_rates (
  -- What is limited, of whom: a kind, and a person or an address.
  bucket text primary key,
  seconds_each double precision not null,
  -- All permits that were taken, as time: each costs so many seconds, and an hour of it may be spent ahead of the clock.
  spent_until timestamptz not null,
  granted integer not null
);
