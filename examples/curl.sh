#!/bin/sh
# One answer at once, then a durable job: submit, look, wait for its result. Needs curl and a running Batchyard.
#   examples/curl.sh [http://127.0.0.1:8000]
set -eu
url=${1:-http://127.0.0.1:8000}

request='{"inputs": [
  {"name": "INPUT0", "datatype": "INT32", "shape": [1, 16], "data": [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]},
  {"name": "INPUT1", "datatype": "INT32", "shape": [1, 16], "data": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}
]}'

echo "Sum and difference, at once:"
curl -sS --fail-with-body "$url/v2/models/simple/infer" -d "$request"
echo

echo "The same as a job of low priority that may wait a minute:"
job=$(curl -sS --fail-with-body "$url/v1/models/simple/jobs" \
  -H 'Content-Type: application/json' -H 'Batchyard-Priority: low' -H 'Batchyard-Timeout-Ms: 60000' \
  -d "$request" -D - -o /dev/null | tr -d '\r' | sed -n 's/^[Ll]ocation: *//p')
if [ -z "$job" ]; then
  echo "the job was not accepted" >&2
  exit 1
fi
echo "accepted: $url$job"

echo "Its state, after at most ten seconds:"
curl -sS --fail-with-body "$url$job?wait=10s"
echo
echo "Its result:"
curl -sS --fail-with-body "$url$job/result?wait=30s"
echo
