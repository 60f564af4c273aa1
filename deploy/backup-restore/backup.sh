#!/bin/sh
# Makes a backup of rows and files: backup.sh PLACE, where PLACE is a folder or s3://bucket/prefix.
# For cron and for timers: quiet but for what it ends with, never twice at once. Settings are those of the service.
#   SIGN_KEY=FILE    signs the manifest with this private key
#   KEEP_DAYS=N      of a folder: removes backups that are older, once the new one stands
set -eu
place=${1:?usage: backup.sh PLACE}
here=$(dirname "$(readlink -f "$0")")
docs=${PANIQ_DOCS:-$here/../../bin/paniq-docs}
exec 9> "${LOCK:-${TMPDIR:-/tmp}/paniq-documents-backup-$(id -u).lock}"
flock -n 9 || { echo 'A backup runs already.' >&2; exit 1; }

status=0
"$docs" backup create "$place" --with-files ${SIGN_KEY:+--sign-key "$SIGN_KEY"} || status=$?
# One that lacks files is a backup all the same, and the next may have them; one that failed is none, and nothing goes for it.
if [ "$status" -eq 0 ] && [ -n "${KEEP_DAYS:-}" ]; then "$here/remove-old.sh" "$place" "$KEEP_DAYS"; fi
exit "$status"
