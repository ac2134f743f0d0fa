#!/usr/bin/env bash
# What docs/extending.md promises: a loss and a scheme are each one file and one row, an optimizer is
# one row. In a copy of the tree each is added so and nothing else is touched; the program then lists
# them, and runs them right.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures

# With what is built already, so that only what is new, and the tables, are compiled.
built=$(dirname "$program")
mkdir tree tree/build
cp -a "$root"/{Makefile,sde,models,experiments,data} tree
cp -a "$built"/{sde,models,experiments,flags,libsharpsde.a} tree/build
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
# An optimizer: m-usam under another name.
sed -n '/^OPTIMIZER(m_usam/,/")$/p' models/optimizers.def |
  sed -e 's/m_usam/own_usam/' -e 's/"m-usam"/"own-usam"/' >row
grep -q own-usam row || fail "no row of m-usam"
cat row >>models/optimizers.def

make B=build build/sharpsde >said 2>&1 || fail "the program with what was added: $(tail -n 30 said)"
compiled=$(grep -c '^  CC' said)
[ "$compiled" -le 12 ] || fail "much was compiled anew, so the build is not the one tested: $compiled"
for pair in losses=own schemes=plain-euler optimizers=own-usam; do
  build/sharpsde list "${pair%=*}" | grep -q "^  ${pair#*=} " || fail "list does not know $pair"
done
build/sharpsde explain own-usam >/dev/null || fail "explain does not know own-usam"

cat >recipe.yaml <<RECIPE
study: compare
loss: {name: own}
batch: 2
eta: 0.05
rho: 0.1
time: 1
optimizers: [{name: own-usam, micro_batch: 1}]
sde: {scheme: plain-euler, substeps: 32}
paths: 20000
observables: [x1]
records: 1
RECIPE
build/sharpsde run recipe.yaml -o out --quiet 2>said || fail "the run ended with status $?"
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
echo "a loss, a scheme and an optimizer, each by its row"
