#!/bin/sh
# The last line of an image build: tells flipgate that new images exist. Needs curl and uuidgen, not flipgate.
#   build-completed.sh sportsdata api=sportsdata/api:1.4.2 venue=sportsdata/venue:1.4.2
# PREFECT_API_URL names the server. BUILD_ID makes the event's id: the same build told twice is one event.
set -eu
application=$1
shift
images=""
for image in "$@"; do
    images="$images${images:+,}\"${image%%=*}\":\"${image#*=}\""
done
id=$(uuidgen --sha1 --namespace @url --name "$application/${BUILD_ID:-$*}")
# --retry: a server on SQLite answers 503 now and then. 204 means taken; whether a run came of it, the server's page tells.
curl --fail --silent --show-error --retry 5 --retry-all-errors \
    --header "Content-Type: application/json" \
    --data "[{
        \"id\": \"$id\",
        \"occurred\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",
        \"event\": \"flipgate.image.build-completed\",
        \"resource\": {\"prefect.resource.id\": \"flipgate.application.$application\"},
        \"payload\": {\"application\": \"$application\", \"images\": {$images}}
    }]" \
    "$PREFECT_API_URL/events"
