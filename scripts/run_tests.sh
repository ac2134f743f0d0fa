#!/usr/bin/env bash
# Run tests, each argument being one command, and count. A program of Check's counts each of its
# test cases; any other command counts as one test, and as none where its status is 77. A line
# "skipped: WHY; COMMAND" of a test's tells what it could not do here and what would help; these are
# listed at the end. Every command runs, whatever fails: as many at a time as there are processors
# (or TEST_JOBS), with two threads each; those that TEST_FIRST names, because they take longest, start
# first. They are reported in order, then the slowest of them; the last line is "N passed, N failed", and ", N skipped" where something was. Status 1 where a test
# failed or none ran.
set -uo pipefail

export CK_VERBOSITY=normal
export OMP_WAIT_POLICY=passive # waiting threads leave the processor to others
commands=("$@")
at_a_time=${TEST_JOBS:-$(nproc)}
[ "$at_a_time" -eq 1 ] || export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
SLOWEST=10

tenths_now() { echo $(($(date +%s%N) / 100000000)); }
seconds() { printf '%d.%d s' $(($1 / 10)) $(($1 % 10)); }

# Sums of Check's closing lines, "100%: Checks: 12, Failures: 0, Errors: 0": lines, checks, failed.
closing_sums() {
  awk -F '[ ,]+' '/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
    lines++; checks += $3; failed += $5 + $7
  }
  END { print lines + 0, checks + 0, failed + 0 }' "$1"
}

# start NUMBER: that command in the background. What it says is NUMBER.output, and NUMBER.end, which
# appears whole, is its status and its tenths of a second.
start() {
  local words begun
  read -ra words <<<"${commands[$1]}"
  begun=$(tenths_now)
  {
    trap - INT QUIT # which bash ignores in the background: an interrupt ends the tests as well
    "${words[@]}" >"$scratch/$1.output" 2>&1 </dev/null
    echo "$? $(($(tenths_now) - begun))" >"$scratch/$1.ending"
    mv "$scratch/$1.ending" "$scratch/$1.end"
  } &
}

passed=0
failed=0
skipped=()
# report NUMBER: counts what has ended, and ends its line.
report() {
  local command=${commands[$1]} output=$scratch/$1.output
  local status tenths lines checks bad before line closing
  read -r status tenths <"$scratch/$1.end"
  read -r lines checks bad < <(closing_sums "$output")
  if [ "$lines" -eq 0 ]; then
    # A command has passed by its status; a program of Check's that never closed ran no test.
    checks=$((status != 77))
    bad=$((checks && status != 0))
    [[ ${command%% *} != */tests/test_* ]] || { checks=1; bad=1; }
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
  printf '%s (%s)\n' "$closing" "$(seconds "$tenths")"
  if [ "$bad" -ne 0 ]; then
    sed 's/^/  | /' "$output"
    printf '  status %s\n' "$status"
  fi
  echo "$tenths $command" >>"$scratch/times"
}

# Reports the next commands as far as they have ended; the line that is begun names the next one.
reported=0
report_ended() {
  while [ -e "$scratch/$reported.end" ]; do
    report "$reported"
    reported=$((reported + 1))
    [ "$reported" -eq ${#commands[@]} ] || printf '%s: ' "${commands[reported]}"
  done
}

# wait_for_fewer COUNT: until fewer than that many run.
wait_for_fewer() {
  while [ "$(jobs -rp | wc -l)" -ge "$1" ]; do
    wait -n
    report_ended
  done
}

# The numbers of all commands, those of TEST_FIRST before the others.
starting_order() {
  local number name later=()
  for number in "${!commands[@]}"; do
    name=${commands[number]##*[/ ]}
    if [[ " ${TEST_FIRST:-} " == *" ${name%.sh} "* ]]; then
      echo "$number"
    else
      later+=("$number")
    fi
  done
  [ ${#later[@]} -eq 0 ] || printf '%s\n' "${later[@]}"
}

# slowest TENTHS: a table of the slowest commands, where all took so long.
slowest() {
  local tenths command others=0 number=0
  echo "The slowest of ${#commands[@]}, which took $(seconds "$1") together:"
  while read -r tenths command; do
    number=$((number + 1))
    if [ $number -le $SLOWEST ]; then
      printf '%10s  %s\n' "$(seconds "$tenths")" "$command"
    else
      others=$((others + tenths))
    fi
  done < <(sort -k 1,1nr "$scratch/times")
  [ $number -le $SLOWEST ] || printf '%10s  the others\n' "$(seconds $others)"
}

begun=$(tenths_now)
printf '%s: ' "${commands[0]:-no test}"
for number in $(starting_order); do
  wait_for_fewer "$at_a_time"
  start "$number"
  report_ended
done
wait_for_fewer 1
report_ended
[ ${#commands[@]} -lt 2 ] || slowest $(($(tenths_now) - begun))

summary="$passed passed, $failed failed"
if [ ${#skipped[@]} -gt 0 ]; then
  echo "Skipped here, with the command that helps:"
  printf '  %s\n' "${skipped[@]}"
  summary+=", ${#skipped[@]} skipped"
fi
echo "$summary"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
