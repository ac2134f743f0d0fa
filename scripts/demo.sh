#!/usr/bin/env bash
# The flagship: m-USAM for several micro-batches beside its SDE on the diabetes data, and the
# valley, whose decay shows the 1/m law. Usage: demo.sh BUILD_DIRECTORY
set -euo pipefail

build=${1:?usage: demo.sh BUILD_DIRECTORY}
cd "$(dirname "$0")/.."

for name in diabetes valley; do
  "$build/sharpsde" run "experiments/recipes/$name.yaml" -o "$build/demo/$name" --force \
    >"$build/demo-$name.log"
done

echo
awk -v at=0.3 -f scripts/demo_table.awk "$build/demo/diabetes/series.csv" "$build/demo/valley/decay.csv"
echo
"$build/sharpsde" report "$build/demo/diabetes" "$build/demo/valley" -o "$build/demo/report.html" \
  >"$build/demo-report.log"
echo "All numbers and verdicts: $build/demo-diabetes.log, $build/demo-valley.log"
echo "Pictures:"
find "$build/demo" -mindepth 2 -maxdepth 2 \( -name '*.png' -o -name '*.svg' \) | sort |
  sed 's/^/  /'
echo "Report of both runs, to be opened in a browser: $build/demo/report.html"
