#!/usr/bin/env bash
# Runs that are not alone and runs that are told to end: of two in one directory one is refused, as
# long as the other lasts; a signal leaves no child process and nothing but whole results; what a
# killed run has left is swept by the next one, or moved where it was whole.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
command -v pgrep >/dev/null ||
  { echo "skipped: no pgrep, so child processes are not looked for; apt-get install procps"; exit 77; }
export SHARPSDE_PLOTS=$scratch/no-pictures # until they are drawn

cat >recipe.yaml <<END
title: small
study: compare
loss: {name: valley}
eta: [0.1, 0.05]
rho: 0.1
time: 1
batch: 4
optimizers: [{name: m-usam, micro_batch: [1, 4]}]
sde: [{substeps: 2}, {substeps: 2, variance_term: false}]
observables: [loss, noise-trace]
paths: 200
END
{ cat recipe.yaml; echo "records: 1"; } | sed 's/^paths: .*/paths: 1e11/' >endless.yaml
"$program" run recipe.yaml -o whole --quiet 2>err || fail "the run failed: $(cat err)"
sums() {
  (cd "$1" && sha256sum -- *)
}
# Tables, summary and recipe of a run: what is the same in every run of the recipe.
same_results() {
  local file
  for file in recipe.yaml summary.json series.csv differences.csv compare.csv; do
    cmp "$1/$file" whole/$file || fail "$2: $file differs"
  done
  [ "$(tail -n 1 "$1/run.json")" = "}" ] || fail "$2: no whole run.json"
}
hidden() {
  find "$1" -mindepth 1 -name '.*'
}
clean() {
  [ -z "$(hidden "$1")" ] || fail "$2 has left $(hidden "$1")"
}

# started COMMAND...: in the background, with signals as a terminal has them; $process is it.
started() {
  env --default-signal "$@" >out 2>err &
  process=$!
}
# until_is WHAT COMMAND...: wait until the command holds, while the process is there.
until_is() {
  local what=$1
  shift
  until "$@"; do
    kill -0 "$process" 2>/dev/null || fail "it has ended before $what: $(cat err)"
    sleep 0.02
  done
}
ended() {
  status=0
  wait "$process" || status=$?
}
has_lock() {
  [ -e "$1/.sharpsde.lock" ] && [ -d "$1/.sharpsde.new" ]
}

# ---- two runs into one directory ----

for force in "" --force; do
  rm -rf both
  started "$program" run endless.yaml -o both --quiet $force
  until_is "it had the directory" has_lock both
  for second in "" --force; do
    status=0
    "$program" run recipe.yaml -o both --quiet $second 2>said || status=$?
    [ $status -eq 2 ] || fail "a second run: status $status: $(cat said)"
    grep -qx "sharpsde: both: process $process is writing to this directory; wait for its end, or choose another with -o" said ||
      fail "a second run says $(cat said)"
  done
  # Killed, it has the directory no more.
  kill -KILL "$process"
  ended
  "$program" run recipe.yaml -o both --quiet 2>err || fail "after a killed run: $(cat err)"
  same_results both "after a run that was killed"
  clean both "a run after a killed one"
done
started "$program" run endless.yaml -o both --quiet --force
until_is "it had the directory" has_lock both
status=0
"$program" plot both >said 2>&1 || status=$?
[ $status -eq 2 ] || fail "plot beside a run: status $status: $(cat said)"
kill -TERM "$process"
ended

# At the same moment: one has it, and what stands there is that one's.
for round in 1 2 3 4; do
  rm -rf race
  for seed in 1 2 3; do
    (
      own=0
      "$program" run recipe.yaml -o race --quiet --seed $seed 2>race.$seed || own=$?
      echo $own >status.$seed
    ) &
  done
  wait
  [ "$(sort status.? | tr '\n' ' ')" = "0 2 2 " ] ||
    fail "round $round: $(head status.? race.?)"
  winner=$(grep -lx 0 status.?)
  grep -q "\"seed\": ${winner#status.}," race/summary.json || fail "round $round: not $winner's results"
  clean race "round $round"
done

# ---- signals at work ----

sums whole >before
for signal in TERM INT HUP XCPU; do
  rm -rf new
  started "$program" run endless.yaml -o new/a/b
  until_is "it had the directory" has_lock new/a/b
  kill -$signal "$process"
  ended
  [ $status -eq 1 ] || fail "$signal: status $status"
  [ "$(cat err)" = "sharpsde: interrupted by SIG$signal; nothing was written" ] ||
    fail "$signal: it says $(cat err)"
  [ ! -e new ] || fail "$signal: it has left $(find new)"
  started "$program" run endless.yaml -o whole --force
  until_is "it had the directory" has_lock whole
  kill -$signal "$process"
  ended
  sums whole | cmp -s before - || fail "$signal: the run before is not whole"
  clean whole "$signal"
done

# What nohup ignores is ignored.
nohup "$program" run endless.yaml -o nohup >out 2>err &
process=$!
until_is "it had the directory" has_lock nohup
kill -HUP "$process"
sleep 0.3
kill -0 "$process" || fail "nohup: ended by SIGHUP"
kill -TERM "$process"
ended
[ ! -e nohup ] || fail "nohup: it has left $(find nohup)"

# Out of memory in the middle of the work is an end like others.
if is_sanitized "$program"; then
  : # address space is no measure then
elif (
  ulimit -v 600000
  "$program" run recipe.yaml -o memory --set time=4 --set paths=1e6 --set output.paths=1e6 \
    --set 'sde={substeps: 2, scheme: euler-maruyama}' --quiet
) 2>err; then
  fail "2 GB in 0.6 GB"
else
  grep -q '^sharpsde: out of memory' err || fail "out of memory: $(cat err)"
fi
[ ! -e memory ] || fail "out of memory: it has left $(find memory)"

# ---- killed while gnuplot draws ----

export SHARPSDE_PLOTS=$root/plots
mkdir slow
cat >slow/gnuplot <<'END'
#!/bin/sh
echo begun >begun.svg
sleep 543.21
END
chmod +x slow/gnuplot
is_drawing() {
  compgen -G "$1/.plot-*/begun.svg" >/dev/null
}
no_gnuplot() {
  for _ in {1..100}; do
    pgrep -f 'sleep 543\.21' >/dev/null || return 0
    sleep 0.05
  done
  return 1
}
for signal in TERM INT; do
  for force in "" --force; do
    [ -n "$force" ] || rm -rf drawn
    PATH=$PWD/slow:$PATH started "$program" run recipe.yaml -o drawn --quiet $force
    until_is "it drew" is_drawing drawn
    kill -$signal "$process"
    ended
    [ $status -eq 1 ] || fail "$signal while it draws: status $status"
    [ "$(cat err)" = "sharpsde: interrupted by SIG$signal; the results are in drawn, the pictures may be missing" ] ||
      fail "$signal while it draws: it says $(cat err)"
    no_gnuplot || fail "$signal while it draws: gnuplot goes on"
    clean drawn "$signal while it draws"
    same_results drawn "$signal while it draws"
    [ "$(tail -n 1 drawn/report.html)" = "</html>" ] || fail "$signal while it draws: no report"
  done
done
PATH=$PWD/slow:$PATH started "$program" plot drawn
until_is "it drew" is_drawing drawn
kill -TERM "$process"
ended
no_gnuplot || fail "plot, killed: gnuplot goes on"
clean drawn "plot, killed"

# A kill that cannot be caught: gnuplot itself ends, and the next run sweeps.
printf '#!/bin/sh\necho begun >begun.svg\nexec sleep 543.21\n' >slow/gnuplot
PATH=$PWD/slow:$PATH started "$program" run recipe.yaml -o drawn --quiet --force
until_is "it drew" is_drawing drawn
kill -KILL "$process"
ended
no_gnuplot || fail "killed while it draws: gnuplot goes on"
same_results drawn "killed while it draws"
mkdir drawn/.plot-mine
[ -n "$(hidden drawn)" ] || fail "this test tests nothing: no leftovers"
"$program" plot drawn >out 2>err || fail "plot of a run that was killed: $(cat err)"
[ "$(hidden drawn)" = drawn/.plot-mine ] || fail "leftovers: $(hidden drawn)"
[ -s drawn/series-2.png ] || fail "plot of a run that was killed: no picture"

# ---- killed in the middle of moving ----

# What is whole and not yet moved is moved by the next command, and what it replaces goes.
"$program" run recipe.yaml -o moving --quiet --set eta=0.1 --set study=trajectory
for moved in 0 1 3; do
  rm -rf half
  cp -r moving half
  cp -r whole half/.sharpsde.whole
  if [ $moved -gt 0 ]; then
    rm half/series.{svg,png} half/trajectory.{csv,svg,png} half/quantiles.csv
    for file in $(printf '%s\n' run.json series.csv summary.json | head -n $moved); do
      mv "half/.sharpsde.whole/$file" half
    done
  fi
  "$program" plot half >out 2>err || fail "moving, $moved moved: $(cat err)"
  clean half "moving, $moved moved"
  same_results half "moving, $moved moved"
  [ ! -e half/trajectory.csv ] || fail "moving, $moved moved: trajectory.csv of the run before stays"
  [ ! -e half/series.svg ] || fail "moving, $moved moved: series.svg of the run before stays"
done

# Pictures that were drawn later go with their run.
"$program" plot moving --format pdf >out
[ -s moving/series.pdf ] || fail "no series.pdf"
"$program" run recipe.yaml -o moving --quiet --force
[ ! -e moving/series.pdf ] || fail "--force has left series.pdf of the run before"
echo "one run a directory, and nothing stale after an interruption"
