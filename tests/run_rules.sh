#!/usr/bin/env bash
# Optimizers whose rules have settings: a key that two gradient rules have is each one's own, a
# momentum that is held fixed while eta varies is said, tables stay aligned under long labels, and a
# report says of each SDE for which optimizers it was computed.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures
recipe=$root/experiments/recipes/golden.yaml
small=(--set paths=64 --set 'eta=[0.1, 0.05, 0.025]')

# ---- keys ----

refused() {
  local words=$1 status=0
  shift
  "$program" check "$recipe" "$@" >said 2>err || status=$?
  if [ "$status" -ne 2 ] || [ "$(wc -l <err)" -ne 1 ] || ! grep -qF "$words" err; then
    fail "not refused with '$words': status $status, $(cat err)"
  fi
}
refused 'sgd takes no lambda; only rw-sam and unified-sam do' --set 'optimizers=[{name: sgd, lambda: 0.5}]'
refused 'sgd takes no norms; only rw-sam does' --set 'optimizers=[{name: sgd, norms: exact}]'
unified='name: unified-sam, micro_batch: 2'
refused 'accepted is a finite number from 0 to 1' --set "optimizers=[{$unified, lambda: 1.5}]" \
  --set sde.rho_order=exact
"$program" check "$recipe" --set 'optimizers=[{name: rw-sam, lambda: 1.5}]' --set sde.rho_order=exact \
  >said || fail "rw-sam has the range of unified-sam"
"$program" list optimizers >said
[ "$(grep -c '^    lambda ' said)" -eq 2 ] || fail "list optimizers does not show the keys of both"

# ---- a momentum that is held fixed ----

momentum='optimizers=[{name: sgd}, {name: m-usam, micro_batch: 2, update: {name: heavy-ball, momentum: 0.9}}]'
friction='optimizers=[{name: sgd}, {name: m-usam, micro_batch: 2, update: {name: heavy-ball, friction: 2}}]'
for study in compare order; do
  "$program" run "$recipe" -o "$study-mu" "${small[@]}" --set study=$study --set "$momentum" >said 2>err
  grep -qF 'friction 1 at eta 0.1 is heavy-ball friction 4 at eta 0.025' err ||
    fail "$study does not say that the friction changes: $(cat err)"
  "$program" run "$recipe" -o "$study-gamma" "${small[@]}" --set study=$study --set "$friction" >said-gamma 2>err
  grep -q 'changes with eta' err && fail "$study finds a friction that changes where one was given"
done
grep -q 'friction 1 to friction 4' said || fail "order names its line after one friction: $(cat said)"
grep -q 'm-usam.*the error falls like' said && fail "an order is claimed while the friction changes"
grep -q 'm-usam.*the error falls like' said-gamma || fail "no order is claimed for a friction"

# ---- what theory does not say of an update rule ----

signs='optimizers=[{name: sgd}, {name: m-usam, micro_batch: 2, update: {name: sign}}]'
for study in compare order; do
  "$program" run "$recipe" -o "$study-sign" "${small[@]}" --set study=$study --set "$signs" \
    --set sde.rho_order=exact >said 2>err
  grep -q 'The mean update of sign jumps' err || fail "$study does not say that sign jumps: $(cat err)"
  grep -Eq 'm-usam.*(falls like|does not go to zero)' said && fail "$study claims an order of sign"
  grep -q 'sgd.*falls like' said || fail "$study claims no order of sgd"
done
valley=(--set 'loss={name: valley}' --set batch=2 --set 'start=[1.5, 0.8]' --set 'observables=[loss]')
noise=(--set 'noise={sampling: gaussian, structure: isotropic, standard_deviation: 1}' --set 'loss={name: saddle}')
"$program" run "$recipe" -o smooth "${small[@]}" "${valley[@]}" "${noise[@]}" --set study=compare \
  --set "$signs" --set sde.rho_order=exact >said 2>err
grep -q 'jumps' err && fail "sign jumps where the noise has a density"
"$program" run "$recipe" -o minima "${valley[@]}" --set study=landscape --set "$signs" --set eta=0.05 \
  --set sde.rho_order=exact --set paths=16 >said 2>err
grep -q '^m-usam m=2, sign: no f + rho R is known in closed form' said ||
  fail "the landscape has an effective loss of sign: $(cat said)"
[ "$(grep -c ',effective,' minima/minima.csv)" -ge 1 ] || fail "the landscape lost that of sgd"
grep -q '^m-usam.*,effective,' minima/minima.csv && fail "minima of an effective loss of sign"

# ---- tables under long labels ----

"$program" run "$recipe" -o wide "${small[@]}" --set study=compare --set "$friction" >said 2>err
column() { awk -v word="$1" -v of="$2" '$0 ~ of { print index($0, word); exit }' said; }
[ "$(column observable '^optimizer ')" = "$(column 'loss ' '^m-usam m=2, heavy-ball friction 2  *0')" ] ||
  fail "columns shift under a long label: $(cat said)"

# ---- whom an SDE serves ----

both='optimizers=[{name: m-usam, micro_batch: 2}, {name: m-usam, micro_batch: 2, update: {name: sign}}]'
"$program" run "$recipe" -o two "${small[@]}" --set study=compare --set "$both" --set sde.rho_order=exact \
  --quiet
python3 - two/run.json <<'END' || fail "forms name other optimizers"
import json, sys
forms = json.load(open(sys.argv[1]))["forms"]
pairs = [[(of["optimizer"], of["update"]) for of in form["optimizers"]] for form in forms]
assert pairs == [[("m-usam", "sgd")], [("m-usam", "sign")]], pairs
assert "micro-batches, enumerated" in forms[0]["expectations"], forms[0]
assert " batches, enumerated" in forms[1]["expectations"], forms[1]
END
[ "$(grep -c 'class="facts">SDE 0 of ' two/report.html)" -eq 2 ] ||
  fail "a form stands with another optimizer: $(grep 'SDE 0 of' two/report.html)"
echo "settings of rules are said where they stand, and no order is claimed for one that changes"
