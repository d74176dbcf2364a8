#!/usr/bin/env bash
# Measures of the shipped pair what only the finished program can, for docs/pair.md: times behind a network, and losslessness. Leaves bench.*.json and
# lossless.json beside the models; "distillation page" then writes the page. Half an hour; nothing else should compute while it times (the first six minutes).
#
#   measure.sh EDGE [bench|lossless]     EDGE: a published edge (dotnet publish src/EdgeSdk.Cli -c Release -r linux-x64 -o out gives out/edge)
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
edge=$(realpath "$1"); what=${2:-all}
cd "$(dirname "$0")/../.."
models=samples/models
pair=(--device $models/device --server $models/server)

if [ "$what" != lossless ]; then
  "$edge" bench --network "${pair[@]}" --json > $models/bench.default.json
  "$edge" bench --network "${pair[@]}" --step-ms 40 --temperature 0,0.7 --turns 30 --rounds 1 --json > $models/bench.40.json
fi

if [ "$what" != bench ]; then
  results=()
  for options in "--temperature 0" "--temperature 0.7" "--temperature 0 --step-ms 40" \
    "--temperature 0 --delay-ms 20" "--temperature 0.7 --delay-ms 20" "--temperature 0 --cut" "--temperature 0.7 --cut"; do
    # shellcheck disable=SC2086
    result=$("$edge" verify-lossless "${pair[@]}" --dialogues samples/data/dialogues.jsonl --count 50 --seeds 3 --json $options)
    results+=("\"$options\":$result")
  done
  (IFS=,; echo "{${results[*]}}") > $models/lossless.json
fi
