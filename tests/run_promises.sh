#!/usr/bin/env bash
# What `check` and `new` promise: whatever a study refuses before it runs, `check` refuses with the
# same sentence, and what `check` accepts is run; the starter of every study runs as it is.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures

mapfile -t studies < <(sed -n 's/^STUDY(\(.*\))$/\1/p' "$root/experiments/studies/studies.def")
[ ${#studies[@]} -ge 8 ] || fail "only ${#studies[@]} studies"
for study in "${studies[@]}"; do
  "$program" new "$study" >"$study.yaml"
  "$program" check "$study.yaml" >said 2>err || fail "check of the starter of $study: $(cat err)"
done

tried=0
refused=0
# same STUDY --set KEY=VALUE...: check and run of its starter, at few paths, agree.
same() {
  local study=$1 checked=0 run=0
  shift
  "$program" check "$study.yaml" --set paths=512 "$@" >said 2>check.err || checked=$?
  "$program" run "$study.yaml" -o out --force --quiet --set paths=512 "$@" >said 2>run.err || run=$?
  [[ $checked -le 2 && $run -le 2 ]] || fail "$study $*: check ended with $checked, run with $run"
  [ "$checked" -eq 2 ] || [ "$run" -ne 2 ] || fail "$study $*: check accepts it, and run says $(cat run.err)"
  [ "$checked" -ne 2 ] || [ "$run" -eq 2 ] || fail "$study $*: run accepts it, and check says $(cat check.err)"
  [ "$run" -ne 2 ] || cmp -s check.err run.err ||
    fail "$study $*: check says $(cat check.err), and run $(cat run.err)"
  tried=$((tried + 1))
  refused=$((refused + (run == 2)))
}

# These two cost little to run: every setting is tried with both.
settings=('eta=0.1' 'eta=[0.2, 0.1]' 'eta=[0.2, 0.1, 0.05]' 'rho=0' 'rho=[0, 0.1]' 'rho=[0.05, 0.1]'
  'rho=[0, 0.05, 0.1, 0.2]' 'rho=[0.05, 0.1, 0.2]' 'sde=[]' 'sde=[{}, {variance_term: false}]'
  'optimizers=[{name: sgd}]' 'optimizers=[{name: usam}]' 'optimizers=[{name: sgd}, {name: usam}]'
  'optimizers=[{name: m-usam, micro_batch: 3}]' 'optimizers=[{name: n-usam}, {name: m-sam, micro_batch: 2}]'
  'optimizers=[]' 'batch=1' 'batch=[4, 2]' 'paths=[16, 64]' 'time=0.4' 'start=[0, 0]' 'start=[1, 2, 3]'
  'noise={sampling: without-replacement}'
  'noise={sampling: gaussian, structure: isotropic, variance: 1}'
  'variance_reduction=control-variate' 'variance_reduction=antithetic' 'tolerance=0.1')
for study in order regularizer; do
  for setting in "${settings[@]}"; do
    same $study --set "$setting"
    [ $study = regularizer ] || same $study --set eta=0.1 --set "$setting"
  done
done
for loss in valley saddle; do
  for study in order regularizer; do
    same $study --set "loss={name: $loss}" --set 'start=[0.5, 0.1]'
    same $study --set "loss={name: $loss}" --set 'start=[0, 0]'
  done
done

# Of the others what they refuse themselves, and one setting that they take.
same escape --set boundary=1.5
same escape --set coordinate=9
same escape --set boundary=1e9
same escape --set time=0.2 --set eta=0.1
same stationary --set burn_in=2
same stationary --set burn_in=1.99
same stationary --set time=0.2 --set burn_in=0.1 --set eta=0.1
same landscape --set 'loss={name: double-well}' --set 'start=[0.5]' --set 'sde=[]'
same landscape --set 'loss={name: double-well}' --set 'start=[0.5]' --set 'window_y=[0, 1]'
same landscape --set 'window_x=[1, 0]'
same landscape --set 'window_x=[0, 1]' --set time=0.2 --set eta=0.1
control=(--set variance_reduction=control-variate --set eta=0.1 --set time=0.2)
same compare "${control[@]}"
same compare "${control[@]}" --set 'sde={scheme: milstein, substeps: 2}'
same compare "${control[@]}" --set 'optimizers=[{name: n-usam}]' --set 'sde={rho_order: exact, substeps: 2}'
same trajectory --set 'loss={name: valley}' --set 'start=[1]'
[[ $refused -ge 20 && $((tried - refused)) -ge 20 ]] ||
  fail "this test tests little: $refused of $tried refused"

# The starters as they are; converge and landscape, which take minutes, with fewer paths.
for study in "${studies[@]}"; do
  few=()
  case $study in converge | landscape | compare | stationary) few=(--set paths=640) ;; esac
  "$program" run "$study.yaml" -o starter --force --quiet "${few[@]}" >said 2>err ||
    fail "the starter of $study: $(cat err)"
  [ -s starter/summary.json ] || fail "the starter of $study: no summary"
  grep -q "\"study\": \"$study\"" starter/summary.json || fail "the starter of $study is of another"
done
# Of order at least one slope is fitted, of regularizer nothing but what has a regulariser is there.
"$program" run order.yaml -o order --quiet 2>err
grep -q '"slope": [0-9]' order/summary.json || fail "the starter of order fits no slope"
"$program" run regularizer.yaml -o regularizer --quiet 2>err
! grep -q '"sgd"' regularizer/summary.json || fail "the starter of regularizer has sgd"
echo "$tried settings, $refused refused, check and run agree; starters run"
