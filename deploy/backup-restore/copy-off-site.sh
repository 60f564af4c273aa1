#!/bin/sh
# Copies a folder of backups elsewhere: copy-off-site.sh FOLDER TARGET, where TARGET is what rsync takes: a folder on
# another disk, or user@host:/folder. Nothing is removed there, so that whoever empties the one does not empty the other.
# Files first, manifests last: what is cut off half-way is no backup there. Waits for a backup.sh that runs.
#   WAIT=SECONDS     for so long, instead of four hours
#   LOCK=FILE        the lock of that backup.sh, if it was given another than .lock in the folder
set -eu
place=${1:?usage: copy-off-site.sh FOLDER TARGET}
target=${2:?usage: copy-off-site.sh FOLDER TARGET}
[ -d "$place/backups" ] || { echo "There are no backups in $place." >&2; exit 2; }
lock=${LOCK:-$place/.lock}
# Shared and only read, so that the folder may be one that this user, or this unit, may not write to.
[ -e "$lock" ] || (umask 077 && : >> "$lock") || { echo "Make it, as whoever makes the backups: touch $lock" >&2; exit 1; }
exec 9< "$lock"
flock -s -w "${WAIT:-14400}" 9 || { echo 'A backup runs still; nothing was copied. Give the same line again when it has ended.' >&2; exit 1; }

# Those that are finished before their files are copied: one that is being made may have files that come after.
finished=$(cd "$place" && for each in backups/*/manifest.json; do
  folder=${each%/manifest.json}
  if [ -e "$each" ] && ! [ -e "$folder/unfinished.json" ]; then echo "$folder/"; fi
done)
[ -n "$finished" ] || { echo "No backup in $place is finished." >&2; exit 2; }
copy() { rsync --archive --chmod=D700,F600 --exclude='.incoming-*' "$@"; }
copy_finished() { echo "$finished" | copy --recursive --files-from=- "$@" "$place/" "$target/"; }
[ ! -d "$place/files" ] || copy "$place/files" "$target/"
copy_finished --exclude='manifest.json*'
copy_finished
echo "$place is copied to $target."
