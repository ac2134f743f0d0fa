#!/usr/bin/env bash
# What goes where: --json prints summary.json and nothing else on stdout, --quiet nothing, a bar of
# progress shows on a terminal and nothing of it in a pipe; stdout that cannot be written is an
# error.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"

cat >recipe.yaml <<END
study: compare
loss: {name: valley}
eta: [0.1, 0.05]
time: 2
optimizers: [{name: sgd}, {name: m-usam, micro_batch: 1}]
rho: 0.05
sde: {substeps: 2}
paths: 1000
END

# Text without anything of a progress bar, or of a terminal.
plain() {
  ! grep -q $'[\r\033]' "$1" && ! grep -qE 'path-steps|s left|\[#*\.+\]' "$1"
}

"$program" run recipe.yaml -o json --json >out 2>err || fail "--json: $(cat err)"
cmp out json/summary.json || fail "--json does not print summary.json"
[ ! -s err ] || fail "--json says on stderr: $(cat err)"
"$program" run recipe.yaml -o both --json --quiet >out 2>err || fail "--json --quiet: $(cat err)"
cmp out both/summary.json || fail "--json --quiet does not print summary.json"

"$program" run recipe.yaml -o quiet --quiet >out 2>err || fail "--quiet: $(cat err)"
[ ! -s out ] || fail "--quiet prints $(cat out)"
[ ! -s err ] || fail "--quiet says on stderr: $(cat err)"
cmp json/series.csv quiet/series.csv || fail "--quiet gives other numbers"
status=0
"$program" run recipe.yaml -o quiet --quiet >out 2>err || status=$?
[ $status -eq 2 ] || fail "--quiet into an existing directory: status $status"
[ -s err ] || fail "--quiet silences errors"

"$program" run recipe.yaml -o piped 2>err | cat >out || fail "in a pipe: $(cat err)"
[ ! -s err ] || fail "without a terminal, stderr has $(cat err)"
plain out || fail "a progress bar in the pipe: $(cat out)"
grep -q 'Results are in piped' out || fail "the directory is not named: $(cat out)"
grep -q 'm-usam' out || fail "no table for people: $(cat out)"
(set -o pipefail && "$program" run recipe.yaml -o joined 2>&1 | cat >out) || fail "2>&1: $(cat out)"
plain out || fail "a progress bar in 2>&1: $(cat out)"

if [ -w /dev/full ]; then
  for flag in --json --set=seed=1; do
    status=0
    "$program" run recipe.yaml -o full --force $flag >/dev/full 2>err || status=$?
    [ $status -eq 1 ] || fail "$flag on a full stdout: status $status"
    grep -q '^sharpsde: standard output' err || fail "$flag on a full stdout: $(cat err)"
    [ -s full/summary.json ] || fail "$flag on a full stdout: no summary.json"
  done
else
  echo "skipped: no /dev/full, so a full stdout is not tested; run it on Linux"
fi

# On a terminal that script(1) makes.
if command -v script >/dev/null; then
  recipe=recipe.yaml
  on_terminal() {
    local command="'$program' run $recipe -o terminal --force $*"
    script -qec "$command" /dev/null </dev/null >out 2>&1 ||
      fail "on a terminal, $*: $(cat out)"
  }
  on_terminal
  grep -qE '\[[#.]+\] +[0-9]+ %' out || fail "no progress bar on a terminal: $(cat out)"
  grep -q 'path-steps/s' out || fail "the bar shows no rate: $(cat out)"
  grep -q 's left' out || fail "the bar shows no time left: $(cat out)"
  # shown PATTERN WHAT: is it in what the terminal has shown?
  shown() {
    grep -qE "$1" <(tr '\r' '\n' <out) || fail "the bar shows no $2: $(cat out)"
  }
  # A pilot of the choice of scheme, and a run to a tolerance, which does not know its paths.
  on_terminal "--set 'sde={}' --set eta=0.1"
  shown '\[[#.]+\] +[0-9]+ %  pilot: .* s left  (sgd|m-usam)' "pilot of the scheme"
  recipe=$root/experiments/recipes/golden-multilevel.yaml
  on_terminal "-j 1 --set tolerance=2e-5 --set eta=0.1 --set 'optimizers=[{name: n-usam}]'"
  shown '\[[#.]+\] +[0-9]+ %  n-usam, eta 0.1, iterates: .*[0-9] paths' "iterates"
  shown "SDE 0: [a-z-]+, level [0-9]+, .*[0-9] paths" "level of an SDE"
  shown "SDE 0: .*[0-9] paths, error [0-9.e-]+ of 2e-05" "error of an SDE"
  recipe=recipe.yaml
  on_terminal --quiet
  [ ! -s out ] || fail "--quiet shows on a terminal: $(cat out)"
  on_terminal '--json 2>err'
  tr -d '\r' <out | cmp - terminal/summary.json || fail "--json on a terminal"
  on_terminal '2>err'
  plain <(tr -d '\r' <out) || fail "stderr is a file, and a bar shows: $(cat out)"
  plain err || fail "a progress bar in a file: $(cat err)"
else
  echo "skipped: no script(1), so the progress bar was not looked at; apt-get install bsdutils"
fi
echo "stdout, stderr and the progress bar are as promised"
