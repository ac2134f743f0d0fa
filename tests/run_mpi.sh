#!/usr/bin/env bash
# Several ranks of MPI give the bytes of one process, in every study; each does its share of the
# paths; and where one fails the job ends with one sentence and its status. Built with MPI=1 from
# the objects at hand, all but one of which do not depend on it. Skipped where there is no mpicc.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
for tool in mpicc mpirun; do
  command -v $tool >/dev/null ||
    { echo "skipped: no $tool, so ranks of MPI are not tested; make deps MPI=1"; exit 77; }
done
export SHARPSDE_PLOTS=$scratch/no-pictures OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none # else a warning in containers
export ASAN_OPTIONS=detect_leaks=0 # MPI itself leaks

mkdir build
for part in sde models experiments flags; do
  [ ! -e "$(dirname "$program")/$part" ] || cp -a "$(dirname "$program")/$part" build
done
make -C "$root" MPI=1 B="$scratch/build" "$scratch/build/sharpsde" >made 2>&1 ||
  fail "make MPI=1: $(cat made)"
mpi=$scratch/build/sharpsde
has_mpi() {
  ldd "$1" >libraries
  grep -q libmpi libraries
}
has_mpi "$mpi" || fail "MPI=1 has not built with MPI"
[ -n "${MPI:-}" ] || ! has_mpi "$program" || fail "without MPI=1 there is MPI in it"

# ranks COUNT ARGUMENT...: one command on so many ranks.
launch=(timeout 120 mpirun --oversubscribe --bind-to none)
ranks() {
  local count=$1
  shift
  "${launch[@]}" -n "$count" "$mpi" "$@"
}

# ---- the same bytes ----

promised() {
  (cd "$1" && ls -- *.csv summary.json recipe.yaml)
}

# same DIRECTORY WHAT: as in the directory `one`?
same() {
  local file
  [ "$(promised one)" = "$(promised "$1")" ] || fail "$2: other files: $(promised "$1")"
  for file in $(promised one); do
    cmp "one/$file" "$1/$file" || fail "$2: $file is not the same"
  done
}

# done_by COUNT COMMAND...: a run that must succeed, on so many ranks.
done_by() {
  ranks "$@" >said 2>&1 || fail "$1 ranks, ${*:2}: $(cat said)"
}

# compare_ranks ARGUMENT...: a run on three ranks, and on two with unequal shares.
compare_ranks() {
  local run
  rm -rf one three unequal
  "$program" run "$@" -o one --quiet >said 2>&1 || fail "run $*: $(cat said)"
  done_by 3 run "$@" -o three --quiet
  "${launch[@]}" -n 1 env OMP_NUM_THREADS=1 "$mpi" run "$@" -o unequal --quiet : \
    -n 1 env OMP_NUM_THREADS=3 "$mpi" run "$@" -o unequal --quiet >said 2>&1 ||
    fail "unequal ranks, $*: $(cat said)"
  for run in three unequal; do
    same $run "$run, $*"
  done
  [ "$(grep path_steps three/run.json)" = "$(grep path_steps one/run.json)" ] ||
    fail "$*: the ranks together have run other path-steps: $(grep path_steps three/run.json)"
  grep -q '"ranks": 3,' three/run.json || fail "$*: run.json does not name 3 ranks"
}

# The paths that the ranks have run, on one line.
rank_paths() {
  tr -d ' \n' <"$1/run.json" | sed 's/.*"rank_paths":\[\([0-9,]*\)\].*/\1/' | tr ',' ' '
}

# shared DIRECTORY ALL SHARE...: have the ranks run these shares of all paths, to within a chunk or
# two of some sixty?
shared() {
  local directory=$1 all=$2
  shift 2
  rank_paths "$directory" | awk -v all="$all" -v shares="$*" '{
    count = split(shares, share, " ")
    for (i = 1; i <= NF; i++) {
      sum += $i
      off += ($i - share[i] * all)^2 > (0.04 * all)^2
    }
    exit !(NF == count && sum == all && !off)
  }' || fail "$directory: of $all paths the ranks have run $(rank_paths "$directory")"
}

cat >compare.yaml <<END
study: compare
loss: {name: quadratic, data: $root/data/quadratic4.csv}
start: [1.5, -1]
batch: 4
eta: [0.1, 0.05]
rho: 0.1
time: 0.5
optimizers: [{name: sgd}, {name: m-usam, micro_batch: 1}]
sde: {rho_order: exact} # the scheme by a pilot run
observables: [loss, x1]
paths: 7001
distance_paths: 300
END
compare_ranks compare.yaml
[ -s one/distances.csv ] || fail "compare: no distances"
"$mpi" run compare.yaml -o alone --quiet >said 2>&1 || fail "without mpirun: $(cat said)"
same alone "without mpirun"
done_by 2 run compare.yaml -o two --quiet
same two "2 ranks"
all=$((4 * 7001))
shared alone $all 1
shared two $all 0.5 0.5
shared three $all 0.333 0.333 0.333
shared unequal $all 0.25 0.75
# The comparison notices what it should.
done_by 2 run compare.yaml -o other --quiet --seed 2
if (same other "seed 2") >said 2>&1; then fail "seed 2 gives the same bytes"; fi

# Paths that diverge.
cat >diverging.yaml <<END
study: trajectory
loss: {name: valley, samples: 16, standard_deviation: 1}
start: [2, 0.5]
batch: 1
eta: 0.4
rho: 0.1
time: 8
optimizers: [{name: sgd}]
sde: {scheme: euler-maruyama, substeps: 1}
observables: [loss]
paths: 500
sample_paths: 90
max_diverged: 1
END
compare_ranks diverging.yaml
tail -n 1 one/series.csv | grep -qE ',[1-9][0-9]*$' || fail "no path diverged"

compare_ranks diverging.yaml --set paths=2 # so that a rank has none

cp "$root"/experiments/recipes/*.yaml .
sed -i "s|data: quadratic4|data: $root/data/quadratic4|" ./*.yaml
compare_ranks escape.yaml --set paths=130 --set time=2 --set eta=0.1 \
  --set 'optimizers=[{name: m-usam, micro_batch: 1}]'
compare_ranks double-well-density.yaml --set paths=150 --set time=2
compare_ranks golden-stationary.yaml --set paths=70 --set time=4 --set burn_in=2
compare_ranks golden-norms.yaml --set paths=600
compare_ranks golden-regularizer.yaml --set paths=600
compare_ranks valley-order-rho.yaml --set paths=100 --set time=0.1
compare_ranks converge.yaml --set paths=64 --set schemes=milstein --set equations=noncommutative

# To a tolerance; and the pilot of `check`, which rank 0 makes by itself.
compare_ranks golden-multilevel.yaml --set tolerance=5e-3 --set eta=0.1
done_by 1 run golden-multilevel.yaml --set tolerance=5e-3 --set eta=0.1 -o single --quiet
rank_paths three | awk -v all="$(rank_paths single)" \
  '{exit !(NF == 3 && $1 > 0 && $2 > 0 && $3 > 0 && $1 + $2 + $3 == all)}' ||
  fail "to a tolerance the ranks have run $(rank_paths three) of $(rank_paths single) paths"
done_by 2 check golden-multilevel.yaml --set tolerance=1e-2 --set eta=0.1
[ "$(grep -c 'after a pilot' said)" -eq 1 ] || fail "check to a tolerance: $(cat said)"

# ---- what is said, and the status ----

# try COMMAND...: what it says to `said`, and its status.
try() {
  status=0
  "$@" >said 2>&1 || status=$?
}

# ended WHAT STATUS PATTERN: did the job that was tried end so, with one sentence?
ended() {
  [ "$status" -eq "$2" ] || fail "$1: status $status, not $2: $(cat said)"
  [ "$(grep -c '^sharpsde: ' said)" -eq 1 ] || fail "$1: not one sentence: $(cat said)"
  grep -qE "^sharpsde: .*$3" said || fail "$1: $(cat said)"
}

try ranks 3 run compare.yaml -o wrong --set eta=-1
ended "a wrong recipe" 2 "eta"
try ranks 3 run compare.yaml -o wrong --set optimizers.0.name=sgdd
ended "a wrong name" 2 "sgdd"
[ ! -e wrong ] || fail "wrong recipes have left a directory"
try ranks 3 run compare.yaml -o two
ended "a directory that exists" 2 "the directory exists"
try ranks 3 run --unheard-of
ended "a wrong option" 2 "unknown option"
try ranks 3 rum
ended "a wrong command" 2 "nearest is 'run'"
try "${launch[@]}" -n 3 "$program" run compare.yaml -o wrong
[ -n "${MPI:-}" ] || ended "a program without MPI" 2 "one of 3 processes.*make MPI=1"
# without_mpi NAME=VALUE...: --version under a launcher that sets these.
without_mpi() {
  try env "$@" "$program" --version
}
if [ -z "${MPI:-}" ]; then
  without_mpi SLURM_STEP_NUM_TASKS=3 SLURM_PROCID=0
  ended "Slurm without MPI" 2 "one of 3 processes.*make MPI=1"
  without_mpi PMIX_RANK=1
  ended "PMIx without MPI" 2 "one of several processes.*make MPI=1"
  # One task of Slurm's is none of several, nor is what Open MPI's daemon inherits from it.
  without_mpi SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0
  [ "$status" -eq 0 ] || fail "one task of Slurm's: $(cat said)"
  without_mpi OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 SLURM_STEP_NUM_TASKS=3 SLURM_PROCID=1
  [ "$status" -eq 0 ] || fail "one rank of Open MPI's: $(cat said)"
fi
try ranks 3 --version
[ "$status $(cat said)" = "0 $("$program" --version)" ] || fail "--version of 3: $(cat said)"
ranks 2 run compare.yaml -o json --json --set paths=100 >said 2>/dev/null || fail "--json of 2"
cmp said json/summary.json || fail "--json of 2: $(cat said)"

# limited LIMIT RANK RECIPE: a run on two ranks, with a limit of ulimit's on one of them.
limited() {
  local free=("$mpi" run "$3" -o limited --quiet)
  local bound=(bash -c "trap '' XFSZ; ulimit $1; exec \"\$@\"" bash "${free[@]}")
  rm -rf limited
  if [ "$2" -eq 0 ]; then
    try "${launch[@]}" -n 1 "${bound[@]}" : -n 1 "${free[@]}"
  else
    try "${launch[@]}" -n 1 "${free[@]}" : -n 1 "${bound[@]}"
  fi
}

limited "-f 2" 0 compare.yaml
ended "rank 0 cannot write" 1 "File too large"
# Samples of 1e6 paths, 21 times, 3 processes and 2 observables are 1 GB. Sanitized programs need
# terabytes to begin with.
if ! is_sanitized "$mpi"; then
  sed 's/^\(distance_\)\?paths: .*/\1paths: 1000000/; s/^eta: .*/eta: 0.025/' compare.yaml >large.yaml
  for rank in 0 1; do
    limited "-v 900000" $rank large.yaml
    ended "rank $rank is out of memory" 1 "out of memory"
  done
fi

# divided COMMAND: a run on two ranks, of which the second is in another folder.
divided() {
  try "${launch[@]}" -n 1 "$mpi" run relative.yaml -o divided : \
    -n 1 bash -c "cd elsewhere; exec '$mpi' run relative.yaml -o divided"
}

mkdir elsewhere
sed 's/data: [^}]*/data: data.csv/' compare.yaml | tee relative.yaml >elsewhere/relative.yaml
cp "$root/data/quadratic4.csv" data.csv
divided
ended "no data on rank 1" 2 "rank 1: .*data.csv"
sed 's/1/2/' data.csv >elsewhere/data.csv
divided
ended "other data on rank 1" 2 "rank 1 reads another recipe or other data"

# One ensemble of a program of the library, whose ranks have the stream and the scheme that the
# environment names: others on rank 1 end the job, and with the same it goes on.
cat >apart.c <<'END'
#include "sde/ensemble.h"
#include "sde/ranks.h"
#include "sde/system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void observe(const void *context, void *workspace, size_t width, const double *x, double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, width * sizeof *out);
}

int main(int argc, char **argv)
{
  sde_ranks_begin();
  const char *mine = argc == 3 && sde_ranks_rank() == 1 ? argv[2] : argv[1];
  unsigned long seed;
  char scheme[64];
  if (sscanf(mine, "%lu %63s", &seed, scheme) != 2)
    return 9;
  double rate = 1, noise = 1, start = 1;
  uint64_t end = 1;
  struct sde_status status = {SDE_OK, ""};
  struct sde_solution solution = {.system = sde_linear_system_new(1, 1, &rate, NULL, &noise),
                                  .scheme = sde_scheme_named(scheme),
                                  .stream = sde_stream_named(seed, "apart"),
                                  .eta = 0.1,
                                  .substeps = 1,
                                  .resolution = 1};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  const struct sde_process *list[] = {process};
  struct sde_ensemble ensemble = {.paths = 100,
                                  .dim = 1,
                                  .start = &start,
                                  .records = 1,
                                  .record_steps = &end,
                                  .processes = 1,
                                  .process = list,
                                  .observables = {.count = 1, .evaluate = observe},
                                  .bound = 1e10};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  if (sde_ranks_rank() == 0)
    printf("%.0f paths\n", result.moments[0].n);
  sde_ranks_end();
  return 0;
}
END
# What a rank takes of the processor while it waits a second for another, in milliseconds.
cat >late.c <<'END'
#include "sde/ranks.h"
#include <stdio.h>
#include <time.h>

int main(void)
{
  uint64_t all[2];
  sde_ranks_begin();
  sde_ranks_gather(0, all);
  if (sde_ranks_rank() == 1)
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
  clock_t before = clock();
  sde_ranks_gather(0, all);
  if (sde_ranks_rank() == 0)
    printf("%.0f\n", 1e3 * (double)(clock() - before) / CLOCKS_PER_SEC);
  sde_ranks_end();
  return 0;
}
END
sanitizers=-fno-sanitize=all
if is_sanitized "$mpi"; then sanitizers=-fsanitize=address,undefined; fi
for name in apart late; do
  # shellcheck disable=SC2046 # several words
  mpicc -std=c11 -D_POSIX_C_SOURCE=200809L -fopenmp $sanitizers -I"$root" $name.c -o $name \
    build/libsharpsde.a $(pkg-config --libs gsl sleef) -lm || fail "$name.c does not compile"
done
try "${launch[@]}" -n 2 ./late
[ "$status $(($(cat said) < 100))" = "0 1" ] ||
  fail "waiting a second takes milliseconds of processor time: $(cat said)"
try "${launch[@]}" -n 2 ./apart "1 euler-maruyama"
[ "$status $(cat said)" = "0 100 paths" ] || fail "ranks that are the same: $(cat said)"
for other in "2 euler-maruyama" "1 milstein"; do
  try "${launch[@]}" -n 2 ./apart "1 euler-maruyama" "$other"
  ended "rank 1 with $other" 1 "the ranks have come to different ensembles"
done

# What docs/cluster.md shows, on a machine of its size.
ln -s "$root/experiments" "$root/data" .
ran=0
while IFS= read -r command; do
  OMPI_MCA_rmaps_base_oversubscribe=1 timeout 120 bash -c "$command" >said 2>&1 </dev/null ||
    fail "docs/cluster.md: this command failed: $command: $(cat said)"
  ran=$((ran + 1))
done < <(grep -E '^mpirun ' "$root/docs/cluster.md")
[ "$ran" -ge 2 ] || fail "only $ran commands were found in docs/cluster.md"

# A rank that is killed at work takes the others with it.
sed 's/^paths: .*/paths: 1e11/; /^distance_paths/d' compare.yaml >endless.yaml
"${launch[@]}" -n 1 bash -c "echo \$\$ >process; exec '$mpi' run endless.yaml -o endless" : \
  -n 1 "$mpi" run endless.yaml -o endless >said 2>&1 &
job=$!
sleep 2
kill -KILL "$(cat process)" || fail "the endless run has ended: $(cat said)"
status=0
wait $job || status=$?
case $status in
  0 | 124) fail "a rank was killed: status $status" ;;
esac
[ -z "$(ls endless)" ] || fail "a rank was killed, and has left $(ls endless)"
try "$mpi" run compare.yaml -o endless --quiet
[ "$status" -eq 0 ] || fail "after a rank was killed: $(cat said)"
[ -z "$(find endless -name '.*')" ] || fail "after a rank was killed: $(ls -A endless)"

# Told to end, all end, and leave nothing. Told twice within five seconds, mpirun would drop the ranks
# at once, and timeout tells its whole group besides the process that it started.
timeout --foreground "${launch[@]:1}" -n 2 "$mpi" run endless.yaml -o told >said 2>&1 &
job=$!
until [ -d told/.sharpsde.new ]; do
  kill -0 $job || fail "the endless run has ended: $(cat said)"
  sleep 0.1
done
kill -TERM $job
status=0
wait $job || status=$?
[ $status -ne 0 ] || fail "told to end: status 0"
[ ! -e told ] || fail "told to end, it has left $(find told)"
# Broken off on some ranks, a run goes on with others to the bytes of one process.
cat >kept.yaml <<END
study: compare
seed: 3
checkpoint: 0.02
loss: {name: valley}
eta: [0.1, 0.05]
rho: 0.1
time: 2
batch: 4
optimizers: [{name: m-usam, micro_batch: [1, 4]}]
sde: [{substeps: 2, scheme: euler-maruyama}]
paths: 100000
output: {paths: 20}
END
rm -rf one
"$program" run kept.yaml -o one --quiet >said 2>&1 || fail "kept.yaml does not run: $(cat said)"
for counts in "2 1" "1 2" "3 2"; do
  read -r before after <<<"$counts"
  rm -rf cut
  "${launch[@]}" -n "$before" "$mpi" run kept.yaml -o cut --quiet >said 2>&1 &
  job=$!
  until [ -e cut/checkpoint ]; do
    kill -0 $job || fail "$before ranks ended without a checkpoint: $(cat said)"
    sleep 0.05
  done
  sleep 0.3
  pkill -KILL -f "$mpi run kept.yaml" || true
  wait $job || true
  done_by "$after" run kept.yaml -o cut --quiet --resume
  same cut "broken off on $before ranks, resumed on $after"
  [ -z "$(ls cut/checkpoint* 2>/dev/null)" ] || fail "checkpoints stay: $(ls cut)"
done
echo "the bytes of one process on 1, 2 and 3 ranks; one sentence where one fails"
