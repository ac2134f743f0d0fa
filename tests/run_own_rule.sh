#!/usr/bin/env bash
# A rule of one's own: the recipe that is shipped runs, and again from its resolved recipe with the same
# bytes; the studies take one; what is wrong is one line that says where.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures
recipe=$root/experiments/recipes/own-rule.yaml

"$program" run "$recipe" -o own --set paths=200 --quiet || fail "own-rule.yaml does not run"
grep -q '^clipped-sam-with-momentum,1,' own/compare.csv || fail "the label is no name in tables"
grep -q '>clipped SAM with momentum: lines of the recipe<' own/report.html ||
  fail "the report does not show the rule"
grep -q 'v = v - eta\*(gamma\*v' own/report.html || fail "the report does not show its lines"
"$program" run own/recipe.yaml -o again --quiet || fail "the resolved recipe does not run"
cmp own/compare.csv again/compare.csv || fail "the resolved recipe is another"

for study in trajectory order stationary landscape; do
  "$program" run "$recipe" -o "$study" --set study=$study --set paths=64 --quiet ||
    fail "$study does not take a rule"
done

"$program" explain rule >said || fail "explain rule"

# refused WORDS RECIPE-SETTING...: with status 2 and one line that has the words.
refused() {
  local words=$1 status=0
  shift
  "$program" check "$recipe" "$@" >said 2>err || status=$?
  if [ "$status" -ne 2 ] || [ "$(wc -l <err)" -ne 1 ] || ! grep -q "$words" err; then
    fail "not refused with '$words': status $status, $(cat err)"
  fi
}
rule='name: rule, micro_batch: 1'
refused 'step 1, column 13: unknown function .gard.' --set "optimizers=[{$rule, step: x = x - eta*gard(x)}]"
refused 'no line gives x a new value' --set "optimizers=[{$rule, step: g = grad(x)}]"
refused 'a rule needs .step.' --set "optimizers=[{$rule}]"
refused 'step of v grows like 1/eta' \
  --set "optimizers=[{$rule, state: {v: 0}, step: [v = 0.9*v + grad(x), x = x - eta*v]}]"
refused 'rho_order must be exact' --set sde.rho_order=1
refused 'sgd takes no step; only rule does' --set 'optimizers=[{name: sgd, step: x = x - eta*grad(x)}]'
refused 'two rules are called rule' \
  --set "optimizers=[{$rule, step: x = x - eta*grad(x)}, {$rule, step: x = x - eta*unit(grad(x))}]"
refused 'sgd is a rule that is built in' --set "optimizers=[{$rule, label: SGD, step: x = x - eta*grad(x)}]"
refused 'v starts at 3 numbers' \
  --set "optimizers=[{$rule, state: {v: [1, 2, 3]}, step: x = x - eta*grad(x)}]"
refused 'a rule takes no update rule' \
  --set "optimizers=[{$rule, update: {name: sgd}, step: x = x - eta*grad(x)}]"
refused 'is no name with a number' --set "optimizers=[{$rule, constants: [mu], step: x = x - eta*grad(x)}]"
refused 'loss(..) of a mini-batch is not known' --set 'noise={sampling: gaussian, structure: isotropic, standard_deviation: 1}' \
  --set "optimizers=[{$rule, step: x = x - eta*loss(x)*grad(x)}]"
echo "lines of a recipe are an optimizer in every study, and what is wrong in them is said with its column"
