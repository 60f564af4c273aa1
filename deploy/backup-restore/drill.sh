#!/bin/sh
# The drill: drill.sh PLACE [PUBLIC-KEY] brings the newest backup back into a scratch database and a scratch folder, reads
# every file and compares its hash, looks whether the audit trail is as it was sealed, and says how it went. It touches
# neither the service's database nor its store. 0: the backup can be relied on. The scratch folder goes in the end.
#   SCRATCH=FOLDER   where, instead of the system's; it needs room for all files once more
#   REPORT=FILE      what it said is added to this file too
set -eu
place=${1:?usage: drill.sh PLACE [PUBLIC-KEY]}
key=${2:-}
here=$(dirname "$(readlink -f "$0")")
docs=$(readlink -f "${PANIQ_DOCS:-$here/../../bin/paniq-docs}")
case $place in s3://*) ;; *) place=$(readlink -f "$place") ;; esac
[ -z "$key" ] || key=$(readlink -f "$key")
[ -z "${REPORT:-}" ] || REPORT=$(readlink -m "$REPORT")

scratch=$(mktemp -d "${SCRATCH:-${TMPDIR:-/tmp}}/paniq-drill-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# No .env is read here, and nothing of the service's own is named.
cd "$scratch"
unset DATABASE_URL DATABASE_OWNER_URL AUDIT_HEADS ADMIN_EMAIL ADMIN_PASSWORD JWT_SECRET_KEY JWT_JWKS_URL JWT_ISSUER \
  JWT_AUDIENCE CLAMD_URL CLOUDFRONT_DOMAIN CLOUDFRONT_KEY_PAIR_ID CLOUDFRONT_PRIVATE_KEY OTEL_EXPORTER_OTLP_ENDPOINT || true
export USE_S3_STORAGE=false DATA_DIR="$scratch/data" UPLOADS_DIR="$scratch/uploads"

say() { echo "$*" | if [ -n "${REPORT:-}" ]; then tee -a "$REPORT"; else cat; fi; }
failed=0
step() {
  name=$1
  shift
  say "- $name"
  # Not in a pipe, which would hide its status.
  if "$@" > said 2>&1; then say "$(cat said)"; else say "$(cat said)"; failed=$((failed + 1)); fi
}
# Once the files are here, S3 has no part in it: what lies there belongs to others.
here_alone() { env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN "$@"; }

began=$(date +%s)
say "Drill of $(date -u +%Y-%m-%dT%H:%M:%SZ): $place"
step 'every byte of the backup, against its manifest' "$docs" backup verify "$place" ${key:+--public-key "$key"}
step 'back into an empty database and an empty folder' "$docs" backup restore "$place" ${key:+--public-key "$key"}
step 'every row against every file, by its hash' here_alone "$docs" verify
step 'the audit trail against its seals' here_alone "$docs" audit verify
if [ "$failed" -gt 0 ]; then say "✗ The drill failed: $failed of 4 steps."; exit 1; fi
say "✓ The backup can be relied on; the drill took $(($(date +%s) - began)) s."
