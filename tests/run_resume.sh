#!/usr/bin/env bash
# Runs that are broken off and go on: at moments drawn at random, by SIGTERM, SIGINT and SIGKILL, in every
# study, with one thread and two, the resumed run has the bytes of an
# unbroken one. Checkpoints of another seed, recipe or version, and damaged ones, are refused by name;
# what a checkpoint holds is what the resumed run counts. SHARPSDE_KILLS=40 breaks each run off 40
# times; the default is 2.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures
kills=${SHARPSDE_KILLS:-2}
RANDOM=1

cat >base.yaml <<END
seed: 3
checkpoint: 0.02
loss: {name: valley}
eta: [0.1, 0.05]
rho: 0.1
time: 2
batch: 4
optimizers: [{name: m-usam, micro_batch: [1, 4]}]
sde: [{substeps: 2, scheme: euler-maruyama}]
observables: [loss, noise-trace]
END
# Each takes a second or so, most of it in ensembles.
recipe() {
  { echo "study: $1"; cat base.yaml; shift; printf '%s\n' "$@"; }
}
recipe compare 'paths: 20000' 'output: {paths: 40}' >compare.yaml
recipe trajectory 'paths: 20000' 'sample_paths: 5' >trajectory.yaml
recipe order 'paths: 20000' >order.yaml
recipe stationary 'paths: 6000' 'burn_in: 1' >stationary.yaml
recipe escape 'paths: 10000' 'coordinate: 1' 'boundary: 1.8' | sed 's/^observables: .*/start: [1.5, 0.8]/' >escape.yaml
recipe regularizer 'paths: 2000000' | sed 's/^eta: .*/eta: 0.1/' >regularizer.yaml
recipe converge 'paths: 60' | sed 's/^eta: .*/eta: 0.1/' >converge.yaml
recipe compare 'tolerance: 0.004' | sed 's/^eta: .*/eta: 0.1/; s/, scheme: euler-maruyama//; s/substeps: 2/rho_order: 1/' >tolerance.yaml

# What is the same in every run of a recipe.
same() {
  local file
  for file in "$1"/*.csv "$1"/summary.json "$1"/recipe.yaml; do
    cmp -s "$file" "$2/${file##*/}" || fail "$3: ${file##*/} differs"
  done
}
seconds() {
  date +%s.%N
}

count=0 resumed=0
for study in compare trajectory order stationary escape regularizer converge tolerance; do
  begun=$(seconds)
  "$program" run $study.yaml -o whole-$study --quiet -j 2 2>err || fail "$study does not run: $(cat err)"
  [ ! -e whole-$study/checkpoint ] || fail "$study leaves its checkpoint"
  lasted=$(awk -v a="$begun" -v b="$(seconds)" 'BEGIN { print b - a }')
  for ((k = 0; k < kills; k++)); do
    signal=$(echo TERM KILL INT | cut -d' ' -f$((1 + (count + k) % 3)))
    rm -rf cut
    env --default-signal "$program" run $study.yaml -o cut --quiet -j $((1 + k % 2)) 2>said &
    process=$!
    sleep "$(awk -v r=$RANDOM -v t="$lasted" 'BEGIN { print t * (0.1 + 0.9 * r / 32768) }')"
    kill -"$signal" $process 2>/dev/null || true
    status=0
    wait $process 2>/dev/null || status=$?
    count=$((count + 1))
    if [ $status -eq 0 ]; then
      same whole-$study cut "$study, not broken off"
      continue
    fi
    if [ -e cut/checkpoint ]; then
      resumed=$((resumed + 1))
      [ "$signal" = KILL ] || grep -q 'go on with --resume' said || fail "$study: $(cat said)"
    fi
    "$program" run $study.yaml -o cut --quiet -j $((2 - k % 2)) --resume 2>err ||
      fail "$study does not go on after SIG$signal: $(cat err)"
    same whole-$study cut "$study, broken off by SIG$signal"
    [ ! -e cut/checkpoint ] || fail "$study: the checkpoint stays"
    [ -z "$(find cut -name '.*' -mindepth 1)" ] || fail "$study leaves $(find cut -name '.*' -mindepth 1)"
  done
done
[ $resumed -ge $((count / 3)) ] || fail "only $resumed of $count runs left a checkpoint"

# ---- what is refused ----

# broken_off DIRECTORY [OPTION...]: a run that is there with a checkpoint.
broken_off() {
  local directory=$1 process
  shift
  rm -rf "$directory"
  env --default-signal "$program" run compare.yaml -o "$directory" --quiet --set paths=1e9 --set records=2 "$@" 2>said &
  process=$!
  until [ -e "$directory/checkpoint" ]; do
    kill -0 $process 2>/dev/null || fail "it ended without a checkpoint: $(cat said)"
    sleep 0.02
  done
  kill -TERM $process
  wait $process && fail "an interrupted run has status 0"
  grep -qx 'sharpsde: interrupted by SIGTERM after 0 of 4 settings; go on with --resume' said ||
    fail "an interrupted run says $(cat said)"
}
refused() {
  local words=$1 status=0
  shift
  "$program" run compare.yaml -o kept --quiet --set paths=1e9 --set records=2 "$@" 2>said || status=$?
  if [ $status -ne 2 ] || [ "$(wc -l <said)" -ne 1 ] || ! grep -q "$words" said; then
    fail "not refused with '$words': status $status, $(cat said)"
  fi
}
broken_off kept
cp kept/checkpoint good
refused 'holds the checkpoint of a run that was interrupted; go on with it with --resume'
refused "another recipe: it has 'seed: 3' where this run has 'seed: 4'" --resume --seed 4
refused "another recipe: it has 'rho: 0.1' where this run has 'rho: 0.2'" --resume --set rho=0.2
refused 'begins anew and --resume goes on' --resume --force
printf x | dd of=kept/checkpoint bs=1 seek=200 conv=notrunc status=none
refused 'kept/checkpoint: the checkpoint is damaged' --resume
head -c 1000 good >kept/checkpoint
refused 'the checkpoint is damaged' --resume
python3 - good kept/checkpoint <<'END'
import hashlib, sys
data = open(sys.argv[1], "rb").read()[:-64].replace(b"\nversion ", b"\nversion 9", 1)
open(sys.argv[2], "wb").write(data + hashlib.sha256(data).hexdigest().encode())
END
refused "another version or processor: it has 'version 9" --resume

# A short run, and one that is interrupted before the seconds have passed, leaves nothing.
rm -rf short
env --default-signal "$program" run compare.yaml -o short --quiet --set paths=1e9 --set records=2 --set checkpoint=60 2>said &
process=$!
sleep 0.5
kill -TERM $process
wait $process && fail "an interrupted run has status 0"
grep -q 'interrupted by SIGTERM; nothing was written' said || fail "a short run says $(cat said)"
[ ! -e short ] || fail "a short run leaves $(ls -A short)"

# ---- what a checkpoint holds is what is counted ----

# The twin: the mean of one chunk is changed, and the checksum made anew.
rm -rf half
env --default-signal "$program" run compare.yaml -o half --quiet -j 1 --set paths=50000 2>said &
process=$!
sleep 0.4
kill -KILL $process 2>/dev/null || true
wait $process || true
[ -e half/checkpoint ] || fail "no checkpoint"
cp -r half twin
python3 - twin/checkpoint <<'END'
import hashlib, struct, sys
data = bytearray(open(sys.argv[1], "rb").read()[:-64])
at = data.index(b"\n", data.index(b"\nkernels ") + 1) + 1
at += 8 + struct.unpack_from("<Q", data, at)[0]
at += 4 * 8 + 8 + 2 * 8          # the entry's head, the number of subtrees, the first one's place
at += 24 * 2                     # the moments of loss and noise-trace at time 0: n, mean, squares
mean, = struct.unpack_from("<d", data, at + 8)
struct.pack_into("<d", data, at + 8, mean + 1)
open(sys.argv[1], "wb").write(data + hashlib.sha256(data).hexdigest().encode())
END
"$program" run compare.yaml -o half --quiet --set paths=50000 --resume 2>err || fail "half: $(cat err)"
"$program" run compare.yaml -o twin --quiet --set paths=50000 --resume 2>err || fail "twin: $(cat err)"
cmp -s half/series.csv twin/series.csv && fail "a number of the checkpoint is not counted"

echo "$resumed of $count runs left a checkpoint; all went on to the bytes of an unbroken one"
