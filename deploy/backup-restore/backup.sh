#!/bin/sh
# Makes a backup of rows and files: backup.sh PLACE, where PLACE is a folder or s3://bucket/prefix.
# For cron and for timers: quiet but for what it ends with, never twice at once. Settings are those of the service.
#   SIGN_KEY=FILE    signs the manifest with this private key
#   KEEP_DAYS=N      of a folder: removes backups that are older, once the new one stands
#   LOCK=FILE        what keeps two from running at once, instead of .lock in the folder: for a disk that has no locks
set -eu
umask 077
place=${1:?usage: backup.sh PLACE}
here=$(dirname "$(readlink -f "$0")")
docs=${PANIQ_DOCS:-$here/../../bin/paniq-docs}
# In the folder itself, where whoever else uses it looks too: each unit of systemd has a /tmp of its own. A file, since NFS
# locks no folders for one alone.
case $place in
  s3://*) lock=${STATE_DIRECTORY:-${TMPDIR:-/tmp}}/paniq-documents-backup-$(id -u).lock ;;
  *)
    mkdir -p -m 700 "$place"
    lock=$place/.lock
    ;;
esac
exec 9>> "${LOCK:-$lock}"
flock -n 9 || { echo "A backup to $place runs already, or it is being copied; start this one again when that has ended." >&2; exit 1; }

status=0
"$docs" backup create "$place" ${SIGN_KEY:+--sign-key "$SIGN_KEY"} || status=$?
# One that lacks files is a backup all the same, and the next may have them; one that failed is none, and nothing goes for it.
if [ "$status" -eq 0 ] && [ -n "${KEEP_DAYS:-}" ]; then "$here/remove-old.sh" "$place" "$KEEP_DAYS"; fi
exit "$status"
