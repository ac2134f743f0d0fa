#!/usr/bin/env bash
# What docs/extending.md promises: a loss, a scheme, a gradient rule and an update rule are each one
# file and one row. In a copy of the tree each is added so and nothing else is touched; the program
# then lists them and runs them right, and the generic tests hold for them.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures

# With what is built already, in a folder of the same name, so that only what is new, and the tables,
# are compiled.
built=$(dirname "$program")
b=$(basename "$built")
mkdir -p "tree/$b"
cp -a "$root"/{Makefile,sde,models,analysis,experiments,data,tests} tree
cp -a "$built"/{sde,models,analysis,experiments,tests,flags,libsharpsde.a} "tree/$b"
cd tree

# The loss of examples/own_loss.c, up to its main, as the registry wants it.
{
  echo '#include "models/loss.h"'
  sed -n '/^static const double/,/^int main/p' "$root/examples/own_loss.c" | grep -v '^int main' |
    sed 's/^static const struct loss_type own = {/extern const struct loss_type loss_own;\nconst struct loss_type loss_own = {.summary = "two samples", /'
} >models/own.c
echo 'LOSS(own)' >>models/losses.def
# A scheme: Euler and Maruyama's under another name.
sed -e 's/sde_euler_maruyama/sde_plain_euler/g' -e 's/"euler-maruyama"/"plain-euler"/' \
  sde/euler_maruyama.c >sde/plain_euler.c
echo 'SDE_SCHEME(plain_euler)' >>sde/schemes.def
for rule in behind rw_usam clipped; do
  cp "tests/extending/rule_$rule.c" models
  echo "GRADIENT_RULE($rule)" >>models/gradient_rules.def
done
for rule in averaged scaled; do
  cp "tests/extending/update_$rule.c" models
  echo "UPDATE_RULE($rule)" >>models/update_rules.def
done

make B="$b" "$b/sharpsde" "$b/tests/test_update" >said 2>&1 ||
  fail "the program with what was added: $(tail -n 30 said)"
compiled=$(grep -c '^  CC' said)
[ "$compiled" -le 16 ] || fail "much was compiled anew, so the build is not the one tested: $compiled"
for pair in losses=own schemes=plain-euler optimizers=behind optimizers=rw-usam optimizers=clipped \
  optimizers=averaged optimizers=scaled; do
  "$b/sharpsde" list "${pair%=*}" | grep "^  ${pair#*=} " >/dev/null || fail "list does not know $pair"
done

# One step of each of the new update rules with every gradient rule, and of the new gradient rules
# with every update rule.
CK_RUN_CASE='one step' SHARPSDE_TEST_SCALE=0.1 "$b/tests/test_update" >said 2>&1 ||
  fail "the generic tests: $(tail said)"

# What is printed is the row's own: no closed form of another rule, no order that it has not.
explained() {
  "$b/sharpsde" explain "$1" | tr -s ' \n' ' ' >said
  grep -qF "$2" said || fail "explain $1 does not say: $2"
}
for rule in behind rw-usam clipped; do
  "$b/sharpsde" explain $rule >said
  ! grep -q 'tr V)\|E|g_I|\|h/|h|\|g_I/|g_I|\|a_i' said || fail "explain $rule: $(cat said)"
done
explained behind 'u = (m/b) sum_j g_Ij(x - rho g_Ij(x))'
explained behind 'F = E [g_I + rho H_I e_I]'
explained rw-usam 'u = g_B(x + rho h), h = sum_i p_i g_i(x)'
explained averaged 'U = (-(1 - eta) p + eta w, p + w, a - x)'
! "$b/sharpsde" explain rw-usam | grep 'rho_order: 1' >/dev/null || fail "rw-usam has no order 1 in rho"

cat >recipe.yaml <<RECIPE
study: compare
loss: {name: own}
batch: 2
eta: 0.05
rho: 0.1
time: 1
optimizers: [{name: m-usam, micro_batch: 1}]
sde: {scheme: plain-euler, substeps: 32}
paths: 20000
observables: [x1]
records: 1
RECIPE
"$b/sharpsde" run recipe.yaml -o out --quiet 2>said || fail "the run ended with status $?"
# Exact: rest + (1 - rest) (1 - eta 2.5)^20 and rest + (1 - rest) exp(-2.5), rest = 0.02; Euler's
# error at the step eta/32 is 4e-4.
awk -F, '$6 != "process" && $9 == 1 {
    exact = $6 == "iterates" ? 0.02 + 0.98 * 0.875 ^ 20 : 0.02 + 0.98 * exp(-2.5)
    away = $10 - exact
    if (away < 0) away = -away
    if (away > 4 * $11 + ($6 == "iterates" ? 0 : 4e-4)) bad = 1
    rows++
  }
  END { exit bad || rows != 2 }' out/series.csv || fail "not the exact means: $(cat out/series.csv)"

# The SDEs of the new gradient rule have weak order 1 and 2, that without its term in rho has none;
# with an update rule of two vectors as well.
cat >order.yaml <<RECIPE
study: order
loss: {name: quadratic, data: data/quadratic4.csv}
start: [1.5, -1]
batch: 4
eta: [0.015625, 0.0078125, 0.00390625]
rho: 0.1
time: 2
optimizers:
  - {name: behind, micro_batch: 1}
  - {name: behind, micro_batch: 2, update: {name: averaged}}
sde: [{rho_order: exact}, {rho_order: exact, eta_order: 2}, {rho_order: 0}]
paths: 64
observables: [x1]
RECIPE
"$b/sharpsde" run order.yaml -o order --quiet 2>said || fail "order ended: $(cat said)"
claims() {
  tr -d '\n' <order/summary.json | grep -o "\"claim\": *\"[^\"]*$1[^\"]*\", *\"holds\": *$2" | wc -l
}
[ "$(claims 'SDE 0: the error falls like eta^1' true)" -eq 2 ] || fail "no weak order 1"
[ "$(claims 'SDE 1: the error falls like eta^2' true)" -eq 2 ] || fail "no weak order 2: $(cat order/summary.json)"
[ "$(claims 'SDE 2: most of the error does not go to zero' true)" -eq 2 ] ||
  fail "without its term in rho the SDE is not seen to differ"
[ "$(claims '' false)" -eq 0 ] || fail "a verdict fails"

# A report of rules that theory does not know prints their own update.
cat >own.yaml <<RECIPE
study: compare
loss: {name: quadratic, data: data/quadratic4.csv}
start: [1.5, -1]
batch: 2
eta: 0.1
rho: 0.1
time: 1
optimizers:
  - {name: rw-usam}
  - {name: clipped, micro_batch: 1}
  - {name: m-usam, micro_batch: 1, update: {name: scaled}}
sde: {rho_order: exact}
paths: 64
observables: [loss]
records: 1
RECIPE
"$b/sharpsde" run own.yaml -o own --quiet 2>said || fail "rules of their own ended: $(cat said)"
grep -q 'u = g_B(x + ρ h), h = sum_i' own/report.html || fail "the report has not the row's update"
grep -qF 'U = (w/(1 + v) + q, q − w, v − w^2)' own/report.html || fail "the report has not the row's U"
! grep -q '<mi>h</mi><mrow><mo stretchy="false">‖' own/report.html || fail "rw-usam is normalised"
echo "a loss, a scheme, gradient rules and update rules, each by its row"
