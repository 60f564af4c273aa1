#!/bin/sh
# Uploads a file in pieces (tus 1.0), and continues where it was after each broken connection, or when it is started again.
# Needs curl. Usage: API=… FIRM=… TOKEN=… upload-resumable.sh FILE DOCUMENT_TYPE
set -eu

file=$1
type=$2
# The address of the upload, so that this script can be killed and started again.
state=$file.upload
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

base64_of() {
	printf %s "$1" | base64 | tr -d '\n'
}

# The status of the last answer, and one of its headers.
status() {
	sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$answer" | tail -n 1
}
header() {
	tr -d '\r' <"$answer" | sed -n "s/^$1: //Ip" | tail -n 1
}

# Headers go to $answer. curl fails if the connection breaks; the caller tries again.
call() {
	: >"$answer"
	# A connection without a byte for a minute is broken.
	curl -sS --connect-timeout 30 --speed-limit 1 --speed-time 60 -D "$answer" -o /dev/null -H "Authorization: Bearer $TOKEN" -H 'Tus-Resumable: 1.0.0' "$@"
}

begin() {
	call -X POST "$API/security-firms/$FIRM/uploads" \
		-H "Upload-Length: $(($(wc -c <"$file")))" \
		-H "Upload-Metadata: filename $(base64_of "$(basename "$file")"),document_type $(base64_of "$type")" || return 1
	case $(status) in
	201) ;;
	429 | 5??) return 1 ;;
	*) give_up ;;
	esac
	header Location >"$state"
}

# Sends what is missing, or everything. True when the document exists.
continue_upload() {
	[ -s "$state" ] || begin || return 1
	address=$(origin)$(cat "$state")
	call --head "$address" || return 1
	case $(status) in
	200) ;;
	423 | 429 | 5??) return 1 ;;
	*) give_up ;;
	esac
	[ -n "$(header Content-Location)" ] && return 0
	offset=$(header Upload-Offset)
	echo "From byte $offset" >&2
	tail -c "+$((offset + 1))" "$file" | call -X PATCH "$address" -T - \
		-H "Upload-Offset: $offset" -H 'Content-Type: application/offset+octet-stream' -H 'Expect:'
	case $(status) in
	204) [ -n "$(header Content-Location)" ] ;;
	# The connection broke, or the service is busy or waits for its store.
	'' | 409 | 423 | 429 | 5??) return 1 ;;
	*) give_up ;;
	esac
}

# Without the path: addresses of uploads begin with it.
origin() {
	printf %s "$API" | sed 's,^\(https*://[^/]*\).*,\1,'
}

give_up() {
	echo "The service answered $(status). The upload was not finished." >&2
	[ "$(status)" = 404 ] && rm -f "$state"
	exit 1
}

tries=0
until continue_upload; do
	tries=$((tries + 1))
	[ "$tries" -le "${TRIES:-100}" ] || give_up
	echo "Not finished yet (status $(status)). Trying again in ${PAUSE:-5} seconds." >&2
	sleep "${PAUSE:-5}"
done
rm -f "$state"
echo "$(origin)$(header Content-Location)"
