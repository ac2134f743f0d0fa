#!/usr/bin/env bash
# Copy the table that a run of the study `converge` left into docs/schemes.md, between its markers.
# Usage: schemes_table.sh RUN_DIRECTORY
set -euo pipefail

table=${1:?usage: schemes_table.sh RUN_DIRECTORY}/schemes.md
page=$(cd "$(dirname "$0")/.." && pwd)/docs/schemes.md
[ -s "$table" ] || { echo "$table: a finished run of converge leaves this table" >&2; exit 1; }

whole=$(mktemp)
trap 'rm -f "$whole"' EXIT
awk -v table="$table" '
  /^<!-- schemes: end -->$/ {inside = 0}
  !inside {print}
  /^<!-- schemes: begin -->$/ {inside = 1; while ((getline line < table) > 0) print line}
' "$page" >"$whole"
cat "$whole" >"$page"
