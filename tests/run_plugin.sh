#!/usr/bin/env bash
# The example plug-in, built with the command that stands in it, gives the numbers of the same loss
# as a formula, and its own start; what is wrong with a plug-in, or at a formula's start, is one
# line.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures

# The line ` *   cc ... rosenbrock.c` of the example, with the tree for `.`.
cp "$root/examples/plugin_loss/rosenbrock.c" .
build=$(sed -n 's/^ \*   cc //p' rosenbrock.c)
[ -n "$build" ] || fail "the example does not say how it is built"
read -ra words <<<"${CC:-cc} ${build/-I./-I$root}"
"${words[@]}" 2>said || fail "the example does not build: $(cat said)"

cat >common <<END
study: trajectory
batch: 1
eta: 0.01
rho: 0.05
time: 1
optimizers: [{name: sgd}, {name: m-usam, micro_batch: 1}]
sde: {substeps: 2}
observables: [loss, noise-trace, x1, x2]
paths: 200
records: 5
END
{ cat common; echo 'loss: {name: plugin, plugin: ./rosenbrock.so, settings: [3, 0.5]}'; } >plugin.yaml
cat common - >formula.yaml <<END
start: [-1, 1]
loss:
  name: formula
  expression: (1 - u)^2 + c*(v - u^2)^2 - tilt*e*u
  parameters: [u, v]
  sample_parameters: [e]
  samples: 2
  constants: [c = 3, tilt = 0.5]
END
for name in plugin formula; do
  "$program" run $name.yaml -o $name >said 2>&1 || fail "$name: $(cat said)"
done

# Rounding differs, and grows along a path of 200 substeps; a wrong tilt or c shows in the second
# digit.
different() {
  awk -F, 'NR == FNR { for (i = 1; i <= NF; i++) cell[FNR, i] = $i; rows = FNR; next }
    { for (i = 1; i <= NF; i++) {
        a = cell[FNR, i]; b = $i
        numbers = a ~ /^[-0-9.e+]+$/ && b ~ /^[-0-9.e+]+$/
        if (a != b && !(numbers && (a - b) ^ 2 <= 1e-20 * (1 + a * a))) count++
      } }
    END { print count + (rows == FNR ? 0 : 1) }' "$1/series.csv" "$2/series.csv"
}
[ "$(wc -l <plugin/series.csv)" -gt 30 ] || fail "few rows: $(cat plugin/series.csv)"
[ "$(different plugin formula)" -eq 0 ] ||
  fail "not the numbers of the formula: $(paste -d "\n" plugin/series.csv formula/series.csv | head)"
"$program" run formula.yaml -o other --set 'loss.constants=[c = 3.01, tilt = 0.5]' \
  >said 2>&1 || fail "c = 3.01: $(cat said)"
[ "$(different plugin other)" -gt 10 ] || fail "c = 3.01 gives the numbers of c = 3"

# Again from its recipe.yaml, the same bytes.
for name in plugin formula; do
  "$program" run $name/recipe.yaml -o again --force >said 2>&1 || fail "$name again: $(cat said)"
  cmp $name/series.csv again/series.csv || fail "$name: recipe.yaml gives other numbers"
done

# refused FILE WORDS [--set ...]: one line on stderr that begins with the recipe's name and line,
# and status 2.
refused() {
  local recipe=$1 expected=$2 status=0
  shift 2
  "$program" check "$recipe" "$@" >said 2>err || status=$?
  [ $status -eq 2 ] || fail "$expected: status $status: $(cat said err)"
  [ "$(wc -l <err)" -eq 1 ] || fail "$expected: not one line: $(cat err)"
  grep -qE "^sharpsde: ($recipe:[0-9]+|--set [a-z.]+): " err || fail "$expected: no place: $(cat err)"
  grep -qF -- "$expected" err || fail "not '$expected' but: $(cat err)"
}

# variant NAME SED: the example with a change, as NAME.so.
variant() {
  sed "$2" rosenbrock.c >"$1.c"
  cmp -s "$1.c" rosenbrock.c && fail "$1: nothing was changed"
  local variant_words=("${words[@]/rosenbrock/$1}")
  "${variant_words[@]}" || fail "$1 does not build"
}

echo 'not an object' >text.so
variant nameless 's/sharpsde_loss/another_loss/'
variant older 's/= LOSS_PLUGIN(&rosenbrock)/= {LOSS_PLUGIN_VERSION + 1, sizeof(struct loss_type), sizeof(struct loss), \&rosenbrock}/'
variant smaller 's/= LOSS_PLUGIN(&rosenbrock)/= {LOSS_PLUGIN_VERSION, 8, sizeof(struct loss), \&rosenbrock}/'
variant partial 's/\.gradient = gradient/.gradient = NULL/'
variant empty 's/loss->dim = 2/loss->dim = 0/'
variant silent 's/^  size_t count = 0;/  return false;\n&/'
variant unresolved 's/^  loss->dim = 2;/  extern void nobody_has_this(void);\n  nobody_has_this();\n&/'
set_plugin() { printf -- 'loss.plugin=./%s.so' "$1"; }

refused plugin.yaml "file not found: ./missing.so" --set "$(set_plugin missing)"
refused plugin.yaml 'cannot be loaded' --set "$(set_plugin text)"
refused plugin.yaml 'nobody_has_this' --set "$(set_plugin unresolved)"
refused plugin.yaml 'exports no sharpsde_loss' --set "$(set_plugin nameless)"
refused plugin.yaml 'is built for version 2' --set "$(set_plugin older)"
refused plugin.yaml 'is built for version 1 (8, ' --set "$(set_plugin smaller)"
refused plugin.yaml 'leaves out a function' --set "$(set_plugin partial)"
refused plugin.yaml '0 coordinates' --set "$(set_plugin empty)"
refused plugin.yaml 'did not say why' --set "$(set_plugin silent)"
refused plugin.yaml 'give settings: [c, deviation]' --set 'loss.settings=[3]'
# A plug-in that was built anew is another one.
cp empty.so rosenbrock.so
refused plugin.yaml '0 coordinates'
sed "s/rosenbrock.so/changed.so/" plugin/recipe.yaml >changed.yaml
cp empty.so changed.so
refused changed.yaml 'file changed'

refused formula.yaml "expression, column 20: unknown name 'w'; known are pi, c, tilt, u, v, e" \
  --set 'loss.expression=(1 - u)^2 + c*(v - w^2)^2 - tilt*e*u'
refused formula.yaml "expression, column 8: expected an operator" --set 'loss.expression=(1 - u v)'
refused formula.yaml 'column 1: at the start u = -1, v = 1, sample 1, sqrt(-1) is not a finite number' \
  --set 'loss.expression=sqrt(u) + c*v + tilt*e'
refused formula.yaml 'sqrt(0) is not twice differentiable' \
  --set 'loss.expression=sqrt(u + v) + c*v + tilt*e'
echo "the example plug-in is the formula; what is wrong is one line"
