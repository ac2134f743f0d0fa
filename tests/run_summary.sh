#!/usr/bin/env bash
# What `make check` runs and says: all tests or those named, several at a time, reported in order;
# at the end the slowest, and tests that passed, failed and were skipped, with the reason and the
# command that helps; and tests do say so where a tool is missing.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() {
  echo "$*"
  exit 1
}

# says STATUS LINES COMMAND...: the last lines of the summary of these tests, and its status.
says() {
  local expected=$1 lines=$2 status=0 count
  shift 2
  count=$(wc -l <<<"$lines")
  "$root/scripts/run_tests.sh" "$@" >said 2>&1 || status=$?
  [ "$(tail -n "$count" said)" = "$lines" ] || fail "not '$lines' but: $(cat said)"
  [ $status -eq "$expected" ] || fail "status $status: $(cat said)"
}

echo 'echo fine' >pass.sh
echo 'echo broken; exit 3' >bad.sh
printf 'echo "skipped: %s"; echo "skipped: %s"; echo the rest is fine\n' \
  'no this, so half; make deps CHECK=1' 'no that; sudo it' >half.sh
printf 'echo "skipped: no tool; make deps CHECK=1"; exit 77\n' >whole.sh
echo 'exit 77' >silent.sh
heading="Skipped here, with the command that helps:"
says 0 "2 passed, 0 failed" "bash pass.sh" "bash pass.sh"
! grep -qi skipped said || fail "nothing was skipped: $(cat said)"
says 0 "$heading
  bash half.sh: no this, so half; make deps CHECK=1
  bash half.sh: no that; sudo it
  bash whole.sh: no tool; make deps CHECK=1
2 passed, 0 failed, 3 skipped" "bash pass.sh" "bash half.sh" "bash whole.sh"
says 1 "$heading
  bash silent.sh: it does not say why
1 passed, 1 failed, 1 skipped" "bash bad.sh" "bash silent.sh" "bash pass.sh"
says 1 "$heading
  bash whole.sh: no tool; make deps CHECK=1
0 passed, 0 failed, 1 skipped" "bash whole.sh"
# A program of Check's that closes with 77 has run nothing, and that is a failure.
mkdir tests
printf '#!/bin/sh\nexit 77\n' >tests/test_none
chmod +x tests/test_none
says 1 "0 passed, 1 failed, 1 skipped" ./tests/test_none

# Two at a time: reported in order, whichever ends first, and the slowest first at the end. The
# first waits for the second, so that one at a time it fails.
echo 'for i in {1..50}; do [ -e begun ] && exit; sleep 0.1; done; exit 1' >waits.sh
echo 'touch begun; echo is there' >begins.sh
echo 'sleep 0.3; echo over' >sleeps.sh
tests=("bash waits.sh" "bash begins.sh" "bash sleeps.sh" true)
TEST_JOBS=2 says 0 "4 passed, 0 failed" "${tests[@]}"
order=$(sed -n 's/^\(bash [a-z.]*\|true\): .*([0-9.]* s)$/\1/p' said)
[ "$order" = "$(printf '%s\n' "${tests[@]}")" ] || fail "reported in another order: $(cat said)"
[[ $(grep -A 1 '^The slowest of 4, ' said) == *" 0."[3-9]" s  bash "* ]] ||
  fail "the slowest is not first: $(cat said)"
rm begun
TEST_JOBS=1 says 1 "3 passed, 1 failed" "${tests[@]}"

# What TEST_FIRST names starts first, and is reported at its place.
rm -f begun
tests=("bash pass.sh" "bash waits.sh" "bash begins.sh")
TEST_JOBS=1 TEST_FIRST="other begins" says 0 "3 passed, 0 failed" "${tests[@]}"
order=$(sed -n 's/^\(bash [a-z.]*\): .*([0-9.]* s)$/\1/p' said)
[ "$order" = "$(printf '%s\n' "${tests[@]}")" ] || fail "reported in another order: $(cat said)"

# An interrupt, which a terminal sends to all, ends the tests too.
echo 'touch begun; sleep 30' >long.sh
rm begun
(trap - INT && TEST_JOBS=2 exec setsid "$root/scripts/run_tests.sh" "bash long.sh" >said 2>&1) &
runner=$!
until [ -e begun ]; do sleep 0.05; done
kill -INT -- "-$runner"
! wait "$runner" || fail "an interrupted run is a success: $(cat said)"
running() { ps -eo pgid=,stat=,args= | awk -v group="$runner" '$1 == group && $2 !~ /^Z/'; }
for _ in {1..50}; do [ -n "$(running)" ] || break; sleep 0.1; done
[ -z "$(running)" ] || fail "an interrupt leaves this running: $(running)"

# TESTS='...' of make: these tests alone, and no other name.
make=(make --no-print-directory -C "$root" B="$scratch/none")
"${make[@]}" -n run-tests TESTS='scheme report check_floors' >said 2>&1 || fail "TESTS: $(cat said)"
words=$(sed -n '/run_tests.sh/,$p' said | tr -d "'\\\\" | grep -oE '[a-z_]+/(test_|run_r|check_)[a-z_]+[.sh]*')
[ "$(tr '\n' ' ' <<<"$words")" = "scripts/check_floors.sh scripts/check_floors.sh tests/test_scheme tests/run_report.sh " ] ||
  fail "TESTS runs $words"
! grep -q 'tests/test_order' said || fail "TESTS builds what it does not run"
! "${make[@]}" -n check TESTS='scheme shceme' >said 2>&1 || fail "TESTS: an unknown name is accepted"
grep -q "no test is called 'shceme'; accepted are .* report .* scheme" said || fail "TESTS: $(cat said)"

# The tests themselves, where everything is there but these tools.
mkdir bin
for folder in /bin /usr/bin /usr/local/bin; do
  find "$folder/" -maxdepth 1 ! -type d -exec ln -sf -t bin {} +
done
rm -f bin/{doxygen,mandoc,zsh,shellcheck,mpicc}
expected="$heading"
for pair in api=doxygen shellcheck=shellcheck mpi=mpicc manual=mandoc manual=zsh; do
  expected+=$'\n'"  bash $root/tests/run_${pair%=*}.sh: no ${pair#*=}"
done
PATH=$scratch/bin "$root/scripts/run_tests.sh" "bash $root/tests/run_"{api,shellcheck,mpi,manual}.sh \
  >said 2>&1 || fail "without the tools: $(cat said)"
found=$(sed -n '/^Skipped here/,$p' said | sed 's/\(: no [a-z]*\).*; make deps.*/\1/')
[ "$found" = "$expected"$'\n'"1 passed, 0 failed, 5 skipped" ] ||
  fail "without the tools: $(cat said)"
grep -q 'make deps MPI=1$' said || fail "no command for MPI: $(cat said)"
echo "the summary lists what was skipped, why, and what helps"
