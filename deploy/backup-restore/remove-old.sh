#!/bin/sh
# Removes from a folder the backups that are older than so many days, and the files that no other backup names:
# remove-old.sh FOLDER DAYS. The newest finished one stays, however old. Files stay while a backup is being made there, which
# may need what no list names yet; backup.sh calls this once its own has ended. copy-off-site.sh brings files before the lists
# that name them, and leaves no mark: what came there within the last day stays, whoever names it.
#   SPARE_HOURS=N    what came within so many hours, instead of 24: longer than any copying to this folder takes
set -eu
export LC_ALL=C
place=${1:?usage: remove-old.sh FOLDER DAYS}
days=${2:?usage: remove-old.sh FOLDER DAYS}
spare_minutes=$((${SPARE_HOURS:-24} * 60))
[ -d "$place/backups" ] || { echo "There are no backups in $place." >&2; exit 2; }
before=$(date -u -d "-$days days" +%Y-%m-%dT%H%M%SZ)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

newest=$(for each in "$place"/backups/*/manifest.json; do
  folder=$(dirname "$each")
  [ -e "$folder/unfinished.json" ] || basename "$folder"
done | sort | tail -n 1)
removed=0
for manifest in "$place"/backups/*/manifest.json; do
  name=$(basename "$(dirname "$manifest")")
  if [ "$name" = "$newest" ] || ! [ "$name" \< "$before" ]; then continue; fi
  # First what makes it a backup: one that is half removed must not look like one.
  rm -f "$manifest"
  rm -rf "$place/backups/$name"
  removed=$((removed + 1))
done

# A backup makes its folder and its mark before all else, and renews the mark every five minutes. What cannot be asked may be so.
names=$(ls "$place/backups")
changed=$(stat -c %z "$place/backups")
is_being_made() {
  [ "$(ls "$place/backups")" = "$names" ] || return 0
  young=$(find "$place/backups" -mindepth 2 -maxdepth 2 -name unfinished.json -mmin -60) || return 0
  [ -n "$young" ]
}
# Before the lists are read: one that ends meanwhile is in none of them.
busy=no
if is_being_made; then busy=yes; fi

# A list that cannot be read would make its files look like nobody's.
for list in "$place"/backups/*/files.*.jsonl.gz; do
  [ -e "$list" ] || continue
  gzip -cd "$list" > "$scratch/list"
  grep -o '"sha256":"[0-9a-f]\{64\}"' "$scratch/list" | cut -d '"' -f 4 >> "$scratch/all" || true
done
touch "$scratch/all"
sort -u "$scratch/all" > "$scratch/named"
# By when it came: rsync gives a file the time that it had where it came from.
(cd "$place" && find files -type f -cmin "+$spare_minutes" 2> /dev/null || true) | sed 's|^files/\(..\)/|\1|' | sort > "$scratch/there"
comm -13 "$scratch/named" "$scratch/there" > "$scratch/unnamed"
gone=0
while read -r hash; do
  # Again and again: one may have begun meanwhile, which finds the file that is there and copies none, or even have ended. One that
  # begins changes the folder of backups; to look into all of them before each file would take too long.
  [ "$(stat -c %z "$place/backups")" = "$changed" ] || busy=yes
  if [ "$busy" = no ] && [ $((gone % 100)) -eq 0 ] && is_being_made; then busy=yes; fi
  [ "$busy" = no ] || break
  rest=${hash#??}
  rm -f "$place/files/${hash%"$rest"}/$rest"
  gone=$((gone + 1))
done < "$scratch/unnamed"
echo "Old backups removed: $removed; files that only they had: $gone."
left=$(($(wc -l < "$scratch/unnamed") - gone))
[ "$left" -eq 0 ] || echo "Files left: $left, since a backup is being made there, or was ended within the hour; give the same line again later."
