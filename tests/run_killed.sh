#!/usr/bin/env bash
# A run that is killed leaves no partial files under their real names: in the middle of its work
# none at all, so that it can be started again; and an earlier run that it was to replace is whole.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures

# Large tables, so that writing them takes a while.
cat >recipe.yaml <<END
study: compare
loss: {name: valley}
eta: 0.001
time: 20
optimizers: [{name: sgd}]
sde: {substeps: 1}
observables: [loss, x1]
records: 20000
paths: 2
END
sed 's/^paths: .*/paths: 1e11/; s/^records: .*/records: 1/' recipe.yaml >endless.yaml

# Is there a file of this name in the run, or one on its way to it?
is_begun() {
  compgen -G "run/$1" >/dev/null || compgen -G "run/.$1*" >/dev/null
}

# killed NAME ARGUMENT...: start a run, and kill it as soon as that file is begun.
killed() {
  local name=$1 process
  shift
  "$program" run -o run "$@" >out 2>err &
  process=$!
  until is_begun "$name"; do
    kill -0 $process 2>/dev/null || fail "it ended before $name was begun: $(cat err)"
  done
  kill -KILL $process 2>/dev/null || true
  wait $process 2>/dev/null || true
}

# Start a run of a recipe that does not end, and kill it at work.
killed_at_work() {
  local process
  "$program" run endless.yaml -o run "$@" >out 2>err &
  process=$!
  sleep 1
  kill -KILL $process 2>/dev/null || fail "the endless run has ended: $(cat err)"
  wait $process 2>/dev/null || true
}

"$program" run recipe.yaml -o whole >out 2>err || fail "not killed: $(cat err)"

killed_at_work
[ -z "$(ls run 2>/dev/null)" ] || fail "killed at work, it has left $(ls run)"
"$program" run recipe.yaml -o run >out 2>err || fail "started again: $(cat err)"
cmp run/series.csv whole/series.csv || fail "started again, it gives other numbers"

(cd run && sha256sum -- *) >before
killed_at_work --force
(cd run && sha256sum -- *) | cmp -s before - || fail "killed at work, it has spoilt the run before"

for name in recipe.yaml series.csv differences.csv summary.json; do
  rm -rf run
  killed $name recipe.yaml
  for file in series.csv differences.csv summary.json recipe.yaml; do
    [ ! -e run/$file ] || cmp -s run/$file whole/$file ||
      fail "killed when it began $name, it has left a partial $file"
  done
done
echo "killed runs leave no partial files"
