#!/bin/sh
# Removes from a folder the backups that are older than so many days, and the files that no other backup names:
# remove-old.sh FOLDER DAYS. The newest one stays, however old. Not while a backup is being made there: backup.sh calls it.
set -eu
export LC_ALL=C
place=${1:?usage: remove-old.sh FOLDER DAYS}
days=${2:?usage: remove-old.sh FOLDER DAYS}
[ -d "$place/backups" ] || { echo "There are no backups in $place." >&2; exit 2; }
before=$(date -u -d "-$days days" +%Y-%m-%dT%H%M%SZ)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

newest=$(for each in "$place"/backups/*/manifest.json; do basename "$(dirname "$each")"; done | sort | tail -n 1)
removed=0
for manifest in "$place"/backups/*/manifest.json; do
  name=$(basename "$(dirname "$manifest")")
  if [ "$name" = "$newest" ] || ! [ "$name" \< "$before" ]; then continue; fi
  # First what makes it a backup: one that is half removed must not look like one.
  rm -f "$manifest"
  rm -rf "$place/backups/$name"
  removed=$((removed + 1))
done

# A list that cannot be read would make its files look like nobody's.
for list in "$place"/backups/*/files.*.jsonl.gz; do
  [ -e "$list" ] || continue
  gzip -cd "$list" > "$scratch/list"
  grep -o '"sha256":"[0-9a-f]\{64\}"' "$scratch/list" | cut -d '"' -f 4 >> "$scratch/all" || true
done
touch "$scratch/all"
sort -u "$scratch/all" > "$scratch/named"
(cd "$place" && find files -type f 2> /dev/null || true) | sed 's|^files/\(..\)/|\1|' | sort > "$scratch/there"
comm -13 "$scratch/named" "$scratch/there" > "$scratch/unnamed"
while read -r hash; do rm -f "$place/files/$(echo "$hash" | cut -c 1-2)/$(echo "$hash" | cut -c 3-)"; done < "$scratch/unnamed"
echo "Old backups removed: $removed; files that only they had: $(wc -l < "$scratch/unnamed" | tr -d ' ')."
