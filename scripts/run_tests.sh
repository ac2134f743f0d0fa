#!/usr/bin/env bash
# Run tests one after the other, each argument being one command, and count. A program of Check's
# counts each of its test cases; any other command counts as one test, and as none where its status
# is 77. A line "skipped: WHY; COMMAND" of a test's tells what it could not do here and what would
# help; these are listed at the end. Every command runs, whatever failed before it; the last line is
# "N passed, N failed", and ", N skipped" where something was. Status 1 where a test failed or none
# ran.
set -uo pipefail

export CK_VERBOSITY=normal
export OMP_WAIT_POLICY=passive # waiting threads leave the processor to others
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# Sums of Check's closing lines, "100%: Checks: 12, Failures: 0, Errors: 0": lines, checks, failed.
closing_sums() {
  awk -F '[ ,]+' '/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
    lines++; checks += $3; failed += $5 + $7
  }
  END { print lines + 0, checks + 0, failed + 0 }' "$output"
}

passed=0
failed=0
skipped=()
for command in "$@"; do
  read -ra words <<<"$command"
  printf '%s: ' "$command"
  start=$(date +%s%N)
  "${words[@]}" >"$output" 2>&1
  status=$?
  tenths=$((($(date +%s%N) - start) / 100000000))

  read -r lines checks bad < <(closing_sums)
  if [ "$lines" -eq 0 ]; then
    # A command has passed by its status; a program of Check's that never closed ran no test.
    checks=$((status != 77))
    bad=$((checks && status != 0))
    [[ ${words[0]} != */tests/test_* ]] || { checks=1; bad=1; }
  elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    # Check counted no failure, yet the program died or its leak check spoke after the count.
    checks=$((checks + 1))
    bad=1
  fi
  passed=$((passed + checks - bad))
  failed=$((failed + bad))
  before=${#skipped[@]}
  while IFS= read -r line; do
    skipped+=("$command: ${line#skipped: }")
  done < <(grep '^skipped: ' "$output")
  [ "$status" -ne 77 ] || [ ${#skipped[@]} -gt "$before" ] ||
    skipped+=("$command: it does not say why")

  closing=$(grep -E '^[0-9]+%: Checks: ' "$output" || tail -n 1 "$output")
  printf '%s (%d.%d s)\n' "$closing" $((tenths / 10)) $((tenths % 10))
  if [ "$bad" -ne 0 ]; then
    sed 's/^/  | /' "$output"
    printf '  status %s\n' "$status"
  fi
done

summary="$passed passed, $failed failed"
if [ ${#skipped[@]} -gt 0 ]; then
  echo "Skipped here, with the command that helps:"
  printf '  %s\n' "${skipped[@]}"
  summary+=", ${#skipped[@]} skipped"
fi
echo "$summary"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
