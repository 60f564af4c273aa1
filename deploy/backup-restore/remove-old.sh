#!/bin/sh
# Removes the backups of a folder that are older than a number of days, and the files that no other backup names:
# remove-old.sh FOLDER DAYS. The newest finished backup stays. No file is removed while a backup runs there, which may need
# files that no list names yet; backup.sh calls this after its own backup. copy-off-site.sh copies files before the lists that
# name them, and leaves no mark, so files of the last day stay.
#   SPARE_HOURS=N    files of this many hours stay, instead of 24: longer than any copy to this folder takes
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
  # The manifest goes first: a partly removed backup must not look like one.
  rm -f "$manifest"
  rm -rf "$place/backups/$name"
  removed=$((removed + 1))
done

# A backup first creates its folder and its mark, and renews the mark every five minutes. An unreadable folder counts as busy.
names=$(ls "$place/backups")
changed=$(stat -c %z "$place/backups")
is_being_made() {
  [ "$(ls "$place/backups")" = "$names" ] || return 0
  young=$(find "$place/backups" -mindepth 2 -maxdepth 2 -name unfinished.json -mmin -60) || return 0
  [ -n "$young" ]
}
# Before the lists are read: a backup that ends meanwhile is in none of them.
busy=no
if is_being_made; then busy=yes; fi

# An unreadable list must end the script: its files would look unused.
for list in "$place"/backups/*/files.*.jsonl.gz; do
  [ -e "$list" ] || continue
  gzip -cd "$list" > "$scratch/list"
  grep -o '"sha256":"[0-9a-f]\{64\}"' "$scratch/list" | cut -d '"' -f 4 >> "$scratch/all" || true
done
touch "$scratch/all"
sort -u "$scratch/all" > "$scratch/named"
# By the time of its arrival: rsync keeps a file's original modification time.
(cd "$place" && find files -type f -cmin "+$spare_minutes" 2> /dev/null || true) | sed 's|^files/\(..\)/|\1|' | sort > "$scratch/there"
comm -13 "$scratch/named" "$scratch/there" > "$scratch/unnamed"
gone=0
while read -r hash; do
  # Checked repeatedly: a new backup may rely on an existing file. It changes the folder of backups, which is fast to check;
  # reading all backups before each file would take too long.
  [ "$(stat -c %z "$place/backups")" = "$changed" ] || busy=yes
  if [ "$busy" = no ] && [ $((gone % 100)) -eq 0 ] && is_being_made; then busy=yes; fi
  [ "$busy" = no ] || break
  rest=${hash#??}
  rm -f "$place/files/${hash%"$rest"}/$rest"
  gone=$((gone + 1))
done < "$scratch/unnamed"
echo "Removed $removed old backups and $gone files that only they had."
left=$(($(wc -l < "$scratch/unnamed") - gone))
[ "$left" -eq 0 ] || echo "$left files were left, because a backup is running there, or was killed within the last hour. Run this again later."
