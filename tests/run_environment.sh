#!/usr/bin/env bash
# What surrounds a run does not break it: OpenMP's variables, a gnuplot that hangs, draws nothing or
# is set up for somebody's screen, names that are no UTF-8. The threads in run.json are those that
# ran.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
command -v pgrep >/dev/null ||
  { echo "skipped: no pgrep, so child processes are not looked for; apt-get install procps"; exit 77; }
export SHARPSDE_PLOTS=$root/plots
unset OMP_NUM_THREADS OMP_THREAD_LIMIT OMP_DYNAMIC OMP_STACKSIZE GNUTERM

cat >recipe.yaml <<END
title: small
study: trajectory
loss: {name: valley}
eta: 0.1
time: 1
optimizers: [{name: sgd}]
sde: {substeps: 2}
observables: [loss]
paths: 300
END

# run DIRECTORY VARIABLE=VALUE... [-- ARGUMENT...]: its status in $status, what it says in err.
run() {
  local directory=$1 setting=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    setting+=("$1")
    shift
  done
  status=0
  env "${setting[@]}" "$program" run recipe.yaml -o "$directory" --quiet --force "${@:2}" \
    >out 2>err || status=$?
}
# Results, run.json and a report are there, whatever became of pictures.
check_results() {
  [ $status -eq 0 ] || fail "$1: status $status: $(cat err)"
  cmp "$2/series.csv" whole/series.csv || fail "$1: other numbers"
  [ "$(tail -n 1 "$2/run.json")" = "}" ] || fail "$1: no run.json"
  [ "$(tail -n 1 "$2/report.html")" = "</html>" ] || fail "$1: no report.html"
  [ -z "$(find "$2" -mindepth 1 -name '.*')" ] || fail "$1: it has left $(ls -A "$2")"
}
check_threads() {
  grep -q "\"threads\": $2,$" "$1/run.json" || fail "$3: not $2 but $(grep threads "$1/run.json")"
}
run whole A=
check_results "as it is" whole

# ---- threads ----

export SHARPSDE_PLOTS=$scratch/none
run o OMP_NUM_THREADS=100000
check_results OMP_NUM_THREADS=100000 o
run o OMP_NUM_THREADS=2147483647
check_results OMP_NUM_THREADS=2147483647 o
run o OMP_NUM_THREADS=3
check_threads o 3 OMP_NUM_THREADS=3
run o A= -- -j 5
check_threads o 5 "-j 5"
run o OMP_THREAD_LIMIT=1 -- -j 4
check_results OMP_THREAD_LIMIT=1 o
check_threads o 1 "OMP_THREAD_LIMIT=1, -j 4"
run o OMP_THREAD_LIMIT=2 OMP_NUM_THREADS=7
check_threads o 2 "OMP_THREAD_LIMIT=2, 7 threads"
# However many OpenMP then gives, no more than there are processors, it is these that are told of.
run o OMP_DYNAMIC=true -- -j 64
check_results OMP_DYNAMIC=true o
told=$(sed -n 's/.*"threads": \([0-9]*\),/\1/p' o/run.json)
[[ $told -ge 1 && $told -le $(nproc --all) ]] || fail "OMP_DYNAMIC=true: $told threads"

for setting in OMP_STACKSIZE=16k OMP_STACKSIZE=64k GOMP_STACKSIZE=100; do
  rm -rf o
  run o $setting -- -j 2
  [ $status -eq 1 ] || fail "$setting: status $status: $(cat err)"
  [ "$(grep -c . err)" -eq 1 ] || fail "$setting: not one sentence: $(cat err)"
  grep -q '^sharpsde: threads have [0-9]* kB of stack and need [0-9]*; OMP_STACKSIZE' err ||
    fail "$setting: it says $(cat err)"
  [ ! -e o ] || fail "$setting: it has left $(find o)"
done
run o OMP_STACKSIZE=512k -- -j 2
check_results OMP_STACKSIZE=512k o

# ---- gnuplot ----

export SHARPSDE_PLOTS=$root/plots
for terminal in qt x11 wxt nonsense 'png size 10,10'; do
  rm -rf o
  run o "GNUTERM=$terminal"
  [[ -s o/series.svg && -s o/series.png ]] || fail "GNUTERM=$terminal: no picture: $(cat err)"
done

mkdir bin
# drawn_by SENTENCE SCRIPT [VARIABLE=VALUE]: results are there, and one sentence says why pictures
# are not.
drawn_by() {
  local sentence=$1 begun=$SECONDS
  printf '#!/bin/sh\n%s\n' "$2" >bin/gnuplot
  chmod +x bin/gnuplot
  rm -rf o
  run o "PATH=$PWD/bin:$PATH" "${@:3}"
  check_results "gnuplot: $2" o
  [ "$(grep -c . err)" -eq 1 ] || fail "gnuplot: $2: not one sentence: $(cat err)"
  grep -q "^sharpsde: no pictures: .*$sentence" err || fail "gnuplot: $2: it says $(cat err)"
  grep -q "no pictures: .*$sentence" o/run.json || fail "gnuplot: $2: not in run.json"
  grep -q 'no pictures: ' o/report.html || fail "gnuplot: $2: not in the report"
  [ $((SECONDS - begun)) -lt 30 ] || fail "gnuplot: $2: it took $((SECONDS - begun)) s"
}
drawn_by 'drawn nothing' 'exit 0'
drawn_by 'write it whole' ': >series.svg'
drawn_by 'write it whole' 'echo "<svg>" >series.svg'
drawn_by 'gnuplot failed: no such terminal' 'echo no such terminal >&2; exit 3'
drawn_by 'gnuplot failed' 'kill -SEGV $$'
drawn_by 'has not finished after 0.4 s' 'exec sleep 612.5' SHARPSDE_PLOT_SECONDS=0.4
drawn_by 'has not finished after 0.4 s' 'sleep 612.5' SHARPSDE_PLOT_SECONDS=0.4
drawn_by 'has not finished after 0.4 s' 'exec >&- 2>&-; sleep 612.5' SHARPSDE_PLOT_SECONDS=0.4
drawn_by 'has not finished after 0.4 s' 'while :; do echo x; done' SHARPSDE_PLOT_SECONDS=0.4
drawn_by 'drawn nothing' 'sleep 612.5 & exit 0'
for wrong in 0 -1 nan abc 3s; do
  drawn_by "SHARPSDE_PLOT_SECONDS is $wrong;" 'exit 0' SHARPSDE_PLOT_SECONDS=$wrong
done
! pgrep -f 'sleep 612\.5' >/dev/null || fail "a gnuplot goes on: $(pgrep -af 'sleep 612\.5')"

# ---- names ----

# With no pictures, a sentence that names the file is in run.json; with an unused key, another.
for name in $'r\xff' $'\xc3\x28' $'caf\xe9'; do
  { cat recipe.yaml; echo "tolerance: 0.01"; } >"$name.yaml"
  for plots in "$root/plots" "$scratch/none"; do
    rm -rf out
    status=0
    SHARPSDE_PLOTS=$plots "$program" run "$name.yaml" --quiet >said 2>err || status=$?
    [ $status -eq 0 ] || fail "${name@Q}: status $status: $(cat err)"
    cmp "out/$name/series.csv" whole/series.csv || fail "${name@Q}: other numbers"
    grep -q '"notes": ".*\\ufffd\|"notes": ".*'$'\uFFFD' "out/$name/run.json" ||
      fail "${name@Q}: not in the notes"
    iconv -f utf8 -t utf8 "out/$name/run.json" >/dev/null || fail "${name@Q}: run.json"
    iconv -f utf8 -t utf8 "out/$name/report.html" >/dev/null || fail "${name@Q}: report.html"
  done
done
status=0
"$program" run recipe.yaml -o o --quiet --force --set $'title=\xff\xfe' >said 2>err || status=$?
[ $status -eq 0 ] || [ $status -eq 2 ] || fail "a title that is no UTF-8: status $status: $(cat err)"
cat >elsewhere <<'END'
printf 'h\xff' >/proc/sys/kernel/hostname && exec "$@"
END
if unshare -u bash elsewhere true 2>/dev/null; then
  unshare -u bash elsewhere "$program" run recipe.yaml -o host --quiet 2>err ||
    fail "a host whose name is no UTF-8: $(cat err)"
  grep -q '"host": "h' host/run.json || fail "a host whose name is no UTF-8: no run.json"
else
  echo "skipped: no name of the host's own, so that it is not tested; sudo $0"
fi
echo "no setting, no gnuplot and no name breaks a run"
