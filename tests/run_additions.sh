#!/usr/bin/env bash
# What is added to a recipe leaves the numbers of the rest alone: an optimizer, a micro-batch, an
# eta, an SDE, an observable.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures

run() {
  "$program" run recipe.yaml "$@" >said 2>&1 || fail "run $* ended with status $?: $(cat said)"
}

cat >recipe.yaml <<END
study: compare
loss: {name: quadratic, data: $root/data/quadratic4.csv}
start: [1.5, -1]
batch: 4
eta: 0.1
rho: 0.1
time: 1
optimizers: [{name: usam}, {name: m-usam, micro_batch: 2}]
sde: [{substeps: 4}]
paths: 1000
END
run -o few

# Every row of the smaller run stands in the larger one as it is.
added() {
  local what=$1
  shift
  run -o more --force "$@"
  for table in series.csv differences.csv; do
    [ "$(wc -l <more/$table)" -gt "$(wc -l <few/$table)" ] || fail "$what: no row more in $table"
    while IFS= read -r row; do
      grep -qxF -e "$row" more/$table || fail "$what: no longer in $table: $row"
    done <few/$table
  done
}

added "an optimizer before" \
  --set 'optimizers=[{name: sgd}, {name: usam}, {name: m-usam, micro_batch: 2}]'
added "a micro-batch" --set 'optimizers=[{name: usam}, {name: m-usam, micro_batch: [1, 2]}]'
added "an eta" --set 'eta=[0.05, 0.1]'
added "an SDE" --set 'sde=[{substeps: 4}, {rho_order: exact, substeps: 6}]'
added "an observable" --set 'observables=[x1, loss]'
echo "what is added leaves the rest as it was"
