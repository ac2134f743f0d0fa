#!/usr/bin/env bash
# The flagship: m-USAM for several micro-batches beside its SDE on the diabetes data, and the
# valley, whose decay shows the 1/m law. Usage: demo.sh BUILD_DIRECTORY
set -euo pipefail

build=${1:?usage: demo.sh BUILD_DIRECTORY}
cd "$(dirname "$0")/.."

for name in diabetes valley; do
  "$build/sharpsde" run "experiments/recipes/demo-$name.yaml" -o "$build/demo/$name" --force
done

echo
echo "Pictures:"
find "$build/demo" -mindepth 2 -maxdepth 2 \( -name '*.png' -o -name '*.svg' \) | sort |
  sed 's/^/  /'
