#!/usr/bin/env bash
# Speed of 2 ranks of one thread each against 1 rank of one thread: prints "ranks 2 ratio R", R the
# median of interleaved pairs, of the seconds that run.json names, without the start of MPI. Ranks are
# sessions of their own (setsid), for on a machine with other work Linux shares processors out to
# sessions. Usage: ranks.sh PROGRAM [PAIRS]; the program is one built with MPI=1. Takes about 6 s a
# pair.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:?usage: ranks.sh PROGRAM [PAIRS]}")
pairs=${2:-7}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export SHARPSDE_PLOTS=$scratch/no-pictures # which are no part of the speed
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1

# seconds RANKS: of one run.
seconds() {
  mpirun -n "$1" --bind-to none setsid -w "$program" run "$root/experiments/recipes/golden.yaml" \
    -o "run$1" --force --quiet -j 1 --set paths=10000 >said 2>&1 || { cat said >&2; exit 1; }
  sed -n 's/.*"seconds": \([0-9.e+-]*\),.*/\1/p' "run$1/run.json"
}

for ((pair = 0; pair < pairs; pair++)); do
  one=$(seconds 1)
  two=$(seconds 2)
  awk -v one="$one" -v two="$two" 'BEGIN {print one / two}'
done | sort -g | awk '{ratio[NR] = $1}
  END {printf "ranks 2 ratio %.3g\n", (ratio[int((NR + 1) / 2)] + ratio[int((NR + 2) / 2)]) / 2}'
