#!/bin/sh
# Copies a folder of backups elsewhere: copy-off-site.sh FOLDER TARGET, where TARGET is a target of rsync: a folder on
# another disk, or user@host:/folder. Nothing is removed there, so that an emptied folder does not empty the copy.
# Files first, manifests last: an interrupted copy is no backup there. Waits for a running backup.sh.
#   WAIT=SECONDS     maximum wait, instead of four hours
#   LOCK=FILE        the lock file of that backup.sh, if it is not .lock in the folder
set -eu
place=${1:?usage: copy-off-site.sh FOLDER TARGET}
target=${2:?usage: copy-off-site.sh FOLDER TARGET}
[ -d "$place/backups" ] || { echo "There are no backups in $place." >&2; exit 2; }
lock=${LOCK:-$place/.lock}
# Shared and read-only: this user, or this unit, may lack write permission on the folder.
[ -e "$lock" ] || (umask 077 && : >> "$lock") || { echo "Create the lock as the user that makes the backups: touch $lock" >&2; exit 1; }
exec 9< "$lock"
flock -s -w "${WAIT:-14400}" 9 || { echo 'A backup is still running; nothing was copied. Run this again when it has ended.' >&2; exit 1; }

# The list is taken before the files are copied: a running backup may add files afterwards.
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
echo "$place was copied to $target."
