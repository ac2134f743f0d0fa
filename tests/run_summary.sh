#!/usr/bin/env bash
# What `make check` says at its end: tests that passed and failed, and each that was skipped, with
# the reason and the command that helps; and tests do say so where a tool is missing.
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
