#!/usr/bin/env bash
# Run tests one after the other, each argument being one command, and count. A program of Check's
# counts each of its test cases; any other command counts as one test. Every command runs, whatever
# failed before it; the last line is "N passed, N failed". Status 1 where a test failed or none ran.
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
    checks=1
    bad=$((status != 0))
    [[ ${words[0]} != */tests/test_* ]] || bad=1
  elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    # Check counted no failure, yet the program died or its leak check spoke after the count.
    checks=$((checks + 1))
    bad=1
  fi
  passed=$((passed + checks - bad))
  failed=$((failed + bad))

  closing=$(grep -E '^[0-9]+%: Checks: ' "$output" || tail -n 1 "$output")
  printf '%s (%d.%d s)\n' "$closing" $((tenths / 10)) $((tenths % 10))
  if [ "$bad" -ne 0 ]; then
    sed 's/^/  | /' "$output"
    printf '  status %s\n' "$status"
  fi
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
