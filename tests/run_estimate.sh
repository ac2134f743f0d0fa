#!/usr/bin/env bash
# What `sharpsde check` says a recipe will take is what its run counts, in path-steps and in normal
# draws, for shipped recipes of every study at reduced size: to the digits printed, or in the range
# that the choice of scheme leaves. Times are not tested.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures

# The least and the most path-steps of `check`, with these overrides.
estimate() {
  "$program" check "$root/experiments/recipes/$1.yaml" "${@:2}" >said || fail "check $*: $(cat said)"
  tail -n 1 said |
    sed -nE 's/^# [0-9]+ cases, ([-+.e0-9]+)( to ([-+.e0-9]+))? path-steps, about .* s on .*/\1 \3/p'
}

# The path-steps that a run counts.
count() {
  "$program" run "$root/experiments/recipes/$1.yaml" -o out --force --quiet "${@:2}" 2>said ||
    fail "run $*: $(cat said)"
  sed -n 's/^ *"path_steps": \([0-9]*\),*$/\1/p' out/run.json
}

# Is the count in the range, whose ends are rounded to three digits, and the range at most 3 wide?
agrees() {
  awk -v ran="$1" -v least="$2" -v most="${3:-$2}" 'BEGIN {
    exit !(ran != "" && least != "" && ran >= 0.995 * least && ran <= 1.005 * most && most <= 3 * least) }'
}

declare -A ran
while read -r recipe overrides; do
  read -ra sets <<<"$(sed -E 's/([^ ]+)/--set \1/g' <<<"$overrides")"
  expected=$(estimate "$recipe" "${sets[@]}")
  counted=$(count "$recipe" "${sets[@]}")
  # shellcheck disable=SC2086 # one number or two
  agrees "$counted" $expected || fail "$recipe $overrides: estimated '$expected', ran '$counted'"
  ran[$recipe $overrides]=$counted
done <<'RECIPES'
class-valley paths=64
converge paths=20
diabetes-norms paths=500
diabetes-regularizer paths=2000
double-well-density paths=50 time=10
double-well-distances paths=20
escape paths=20 time=20
formula-valley paths=800
formula-valley paths=20 sde.0.scheme=euler-maruyama sde.1.scheme=euler-maruyama
golden paths=50
golden paths=50 variance_reduction=antithetic
golden-norms paths=2000
golden-order
golden-regularizer paths=2000
golden-stationary paths=20
label-noise paths=20
valley-landscape
valley-order-rho paths=20
valley-rates paths=32
RECIPES
[ ${#ran[@]} -ge 19 ] || fail "only ${#ran[@]} recipes were tried"

# What would be wrong: the cases of converge and of a landscape taken for what is run, and of
# regularizer; a pilot forgotten; another number of paths.
agrees "${ran[converge paths=20]}" 68000 && fail "the cases of converge are taken for its run"
agrees "${ran[valley-landscape ]}" 42000 && fail "companions that are not run are not noticed"
agrees "${ran[formula-valley paths=800]}" 8400000 && fail "a pilot that is left out is not noticed"
read -r least most <<<"$(estimate golden --set paths=51)"
agrees "${ran[golden paths=50]}" "$least" "$most" && fail "another number of paths is not noticed"

# Where the substeps are left to a pilot, or paths may end early, the numbers are not the run's, and a
# line says so.
estimate golden --set 'sde={}' >/dev/null
grep -q '^# A pilot run chooses the substeps; 16 are counted' said || fail "free substeps: $(tail -n 2 said)"
estimate escape >/dev/null
grep -q '^# At most, for paths that have left' said || fail "escape: $(tail -n 2 said)"
estimate golden >/dev/null
! grep -q 'A pilot run\|At most' said || fail "golden knows its numbers: $(tail -n 2 said)"

# To a tolerance, in normal draws of the SDEs: within a factor of 3, for variances are estimated.
sets=(--set tolerance=5e-3 --set eta=0.1)
"$program" check "$root/experiments/recipes/golden-multilevel.yaml" "${sets[@]}" >said
predicted=$(sed -n 's/.* pilot of their SDEs about \([-+.e0-9]*\) normal draws.*/\1/p' said)
count golden-multilevel "${sets[@]}" >/dev/null
drawn=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
  { sum += $at["paths"] * $at["cost"] } END { print sum + 0 }' out/multilevel.csv)
awk -v a="$predicted" -v b="$drawn" 'BEGIN { exit !(b > 0 && a < 3 * b && b < 3 * a) }' ||
  fail "to a tolerance: predicted '$predicted' draws, '$drawn' were made"
echo "estimates of ${#ran[@]} recipes are what is run; $predicted of $drawn normal draws"
