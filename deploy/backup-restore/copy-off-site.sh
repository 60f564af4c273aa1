#!/bin/sh
# Copies a folder of backups elsewhere: copy-off-site.sh FOLDER TARGET, where TARGET is what rsync takes: a folder on
# another disk, or user@host:/folder. Nothing is removed there, so that whoever empties the one does not empty the other.
# Files first, manifests last: what is cut off half-way is no backup there.
set -eu
place=${1:?usage: copy-off-site.sh FOLDER TARGET}
target=${2:?usage: copy-off-site.sh FOLDER TARGET}
[ -d "$place/backups" ] || { echo "There are no backups in $place." >&2; exit 2; }
copy() { rsync --archive --chmod=D700,F600 --exclude=unfinished.json --exclude='.incoming-*' "$@"; }
[ ! -d "$place/files" ] || copy "$place/files" "$target/"
copy --exclude='manifest.json*' "$place/backups" "$target/"
copy "$place/backups" "$target/"
echo "$place is copied to $target."
