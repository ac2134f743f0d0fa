#!/usr/bin/env bash
# The command also builds with clang (DEVELOPER=1: without a warning) and gives the bytes of this
# build, for a quadratic, a formula, a network, label noise and normalised directions.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"

clang=$(command -v clang-14 || command -v clang) ||
  { echo "skipped: no clang, so nothing is built with it; make deps CHECK=1"; exit 77; }
echo 'int main(void) { return 0; }' >probe.c
if ! "$clang" -fopenmp probe.c -o probe 2>said || ! ./probe; then
  echo "skipped: $clang has no OpenMP, so nothing is built with it; make deps CHECK=1"
  exit 77
fi

# The flags of the make that runs this test are not this one's.
env -u MAKEFLAGS -u MFLAGS make -C "$root" -j"$(nproc)" B="$scratch/clang" CC="$clang" CFLAGS=-O2 \
  "$scratch/clang/sharpsde" >said 2>&1 || fail "clang: $(tail -n 20 said)"
grep -qa 'clang version' clang/sharpsde || fail "this is not what clang has built"
RECIPES='golden formula-valley iris-mlp label-noise diabetes-norms' \
  bash "$root/tests/same_bytes.sh" "$program" clang/sharpsde
