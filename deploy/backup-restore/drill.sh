#!/bin/sh
# Restore drill: drill.sh PLACE [PUBLIC-KEY] restores the newest backup into a scratch database and a scratch folder, reads
# every file and compares its hash, checks the seals of the audit trail, and prints the result. It does not touch the
# service's database or store. Exit status 0: the backup is good. The scratch folder is removed at the end.
#   SCRATCH=FOLDER   parent of the scratch folder; it needs space for all files once more
#   REPORT=FILE      appends the output to this file too
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
# No .env is read here, and no setting names the service's own database or store.
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
  # A pipe would hide its exit status.
  if "$@" > said 2>&1; then say "$(cat said)"; else say "$(cat said)"; failed=$((failed + 1)); fi
}
# Once the files are restored, S3 is not needed.
here_alone() { env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN "$@"; }

began=$(date +%s)
say "Drill of $(date -u +%Y-%m-%dT%H:%M:%SZ): $place"
step 'every byte of the backup, against its manifest' "$docs" backup verify "$place" ${key:+--public-key "$key"}
step 'back into an empty database and an empty folder' "$docs" backup restore "$place" ${key:+--public-key "$key"}
step 'every row against every file, by its hash' here_alone "$docs" verify
step 'the audit trail against its seals' here_alone "$docs" audit verify
if [ "$failed" -gt 0 ]; then say "✗ The drill failed: $failed of 4 steps."; exit 1; fi
say "✓ The backup is good; the drill took $(($(date +%s) - began)) s."
