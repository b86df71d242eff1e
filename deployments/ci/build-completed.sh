#!/bin/sh
# The last line of an image build: tells flipgate that new images exist. Needs curl, not flipgate.
#   PREFECT_API_URL=https://prefect.example/api build-completed.sh sportsdata api-all=sportsdata/api:1.4.2 [NAME=REF ...]
# With BUILD_ID set, the same build told twice is one event. With AGAIN=true, images are released although they are live:
# for tags that are pushed anew (latest, main). Exit codes: 0 taken, 2 usage, else curl's.
# A server with a login: PREFECT_API_AUTH_STRING=USER:PASSWORD, or PREFECT_API_KEY. Neither is ever an argument, nor is
# the address, which may hold a password.
set -eu

usage() {
    echo "error: $1. Usage: PREFECT_API_URL=URL build-completed.sh APP NAME=REPOSITORY:TAG..." >&2
    exit 2
}

[ $# -ge 2 ] || usage "an application and at least one image are needed"
[ -n "${PREFECT_API_URL:-}" ] || usage "PREFECT_API_URL is not set"

# Text as it stands between the quotes of JSON, and of curl's configuration.
quoted() {
    printf '%s' "$1" | sed 's/[\\"]/\\&/g'
}

for word in "$@"; do
    case "$word" in
    *[[:cntrl:]]*) usage "'$word' has a character that no name has" ;;
    esac
done
application=$(quoted "$1")
shift
images=""
for image in "$@"; do
    case "$image" in
    ?*=?*:?* | ?*=?*@sha256:?*) ;;
    *) usage "'$image' is not NAME=REPOSITORY:TAG or NAME=REPOSITORY@sha256:DIGEST" ;;
    esac
    images="$images${images:+,}\"$(quoted "${image%%=*}")\":\"$(quoted "${image#*=}")\""
done

# An event's id is a UUID: of the build and its images (one pipeline may tell of several), or any.
if [ -n "${BUILD_ID:-}" ]; then
    id=$(printf '%s' "$application/$BUILD_ID/$images" | sha1sum | sed 's/^\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)\(.\{12\}\).*/\1-\2-\3-\4-\5/')
else
    id=$(cat /proc/sys/kernel/random/uuid)
fi

again=""
[ "${AGAIN:-}" != true ] || again=", \"again\": true"

# Where, and who asks: what curl is told in its configuration.
server() {
    printf 'url = "%s/events"\n' "$(quoted "$PREFECT_API_URL")"
    if [ -n "${PREFECT_API_KEY:-}" ]; then
        printf 'header = "Authorization: Bearer %s"\n' "$(quoted "$PREFECT_API_KEY")"
    elif [ -n "${PREFECT_API_AUTH_STRING:-}" ]; then
        printf 'user = "%s"\n' "$(quoted "$PREFECT_API_AUTH_STRING")"
    fi
}

# --retry: a server on SQLite answers 503 now and then. 204 means taken; whether a run came of it, the server's page tells.
server | curl --config - --fail --silent --show-error --retry 5 --retry-all-errors \
    --header "Content-Type: application/json" \
    --data "[{
        \"id\": \"$id\",
        \"occurred\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",
        \"event\": \"flipgate.image.build-completed\",
        \"resource\": {\"prefect.resource.id\": \"flipgate.application.$application\"},
        \"payload\": {\"application\": \"$application\", \"images\": {$images}$again}
    }]"
echo "event $id sent for $application"
