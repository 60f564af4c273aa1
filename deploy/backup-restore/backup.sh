#!/bin/sh
# Creates a backup of rows and files: backup.sh PLACE, where PLACE is a folder or s3://bucket/prefix.
# For cron and timers: it prints only its result, and never runs twice at once. Settings are those of the service.
#   SIGN_KEY=FILE    signs the manifest with this private key
#   KEEP_DAYS=N      for a folder: removes older backups once the new one is complete
#   LOCK=FILE        the lock file, instead of .lock in the folder: for a disk without locks
set -eu
umask 077
place=${1:?usage: backup.sh PLACE}
here=$(dirname "$(readlink -f "$0")")
docs=${PANIQ_DOCS:-$here/../../bin/paniq-docs}
# In the folder itself, where every user of it looks: each systemd unit has its own /tmp. A file, since NFS has no
# exclusive locks on folders.
case $place in
  s3://*) lock=${STATE_DIRECTORY:-${TMPDIR:-/tmp}}/paniq-documents-backup-$(id -u).lock ;;
  *)
    mkdir -p -m 700 "$place"
    lock=$place/.lock
    ;;
esac
exec 9>> "${LOCK:-$lock}"
flock -n 9 || { echo "A backup to $place is running or being copied. Run this again when it has ended." >&2; exit 1; }

status=0
"$docs" backup create "$place" ${SIGN_KEY:+--sign-key "$SIGN_KEY"} || status=$?
# After an incomplete or failed backup nothing is removed: an older one may have the missing files.
if [ "$status" -eq 0 ] && [ -n "${KEEP_DAYS:-}" ]; then "$here/remove-old.sh" "$place" "$KEEP_DAYS"; fi
exit "$status"
