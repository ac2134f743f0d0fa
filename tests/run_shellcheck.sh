#!/usr/bin/env bash
# `make shellcheck` has nothing to say about the shell scripts of the tree.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
command -v shellcheck >/dev/null ||
  { echo "skipped: no shellcheck, so shell scripts are not checked; make deps CHECK=1"; exit 77; }
said=$(make --no-print-directory -C "$root" shellcheck) || { echo "$said"; exit 1; }
for folder in scripts tests bench completions .ci; do
  grep -q " $folder/" <<<"$said" || { echo "nothing of $folder/ is checked: $said"; exit 1; }
done
echo "shellcheck has nothing to say"
