#!/usr/bin/env bash
# Schedules, SDEs without noise and single paths, from recipes: the exact means of theory.md section
# 12, which the estimates meet; a rerun of the resolved recipe gives the same summary; the report says
# what changes; what cannot be is refused in one line.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${SHARPSDE:-$root/build/sharpsde}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cp "$root/data/quadratic4.csv" .

fail() {
  echo "$*"
  exit 1
}

cat >random.yaml <<'YAML'
study: compare
loss: {name: quadratic, data: quadratic4.csv}
start: [1.5, -1.0]
batch: 4
eta: [0.1, 0.05]
time: 2.0
schedule: {eta: {shape: inverse-time, rate: 1}}
optimizers: [{name: sgd}]
sde: [{eta_order: 1}, {eta_order: 2}, {noise: false}]
paths: 4096
YAML
"$program" run random.yaml -o first --quiet
python3 - first <<'PYTHON' || fail "not the means of theory, or not met"
import json, sys
summary = json.load(open(sys.argv[1] + "/summary.json"))
exact = {0.1: [0.110366009501, 0.131534657905, 0.111423892330],
         0.05: [0.119764331746, 0.130411981627, 0.120041274263]}
for row in summary["rows"]:
    iterates, *sde = exact[row["eta"]]
    assert abs(row["exact_iterates"] - iterates) < 1e-12, row
    if row["sde_index"] < 2:
        assert abs(row["exact_sde"] - sde[row["sde_index"]]) < 1e-12, row
    else:  # the drift alone: below the SDE, and without a standard error
        assert row["sde"]["se"] == 0 and row["exact_sde"] < sde[0] - 1e-3, row
assert [sde.get("noise") for sde in summary["sdes"]] == [None, None, False]
exact_ones = [v for v in summary["verdicts"] if "exact mean" in v["claim"]]
assert len(exact_ones) == 4 and all(v["holds"] for v in exact_ones), exact_ones
PYTHON
cp quadratic4.csv first
"$program" run first/recipe.yaml -o second --quiet
cmp first/summary.json second/summary.json || fail "the resolved recipe has another summary"
grep -q 'inverse-time' first/report.html || fail "the report does not name the schedule"

cat >single.yaml <<'YAML'
study: compare
loss: {name: quadratic, data: quadratic4.csv}
noise: {sampling: without-replacement}
start: [1.5, -1.0]
batch: 4
eta: [0.1, 0.05]
rho: 0.1
time: 2.0
schedule: {eta: {shape: cosine, end: 0.1}, rho: {shape: linear, end: 0.5}}
optimizers: [{name: usam}]
sde: {noise: false, eta_order: 2}
paths: 1
YAML
"$program" run single.yaml -o single --quiet
python3 - <<'PYTHON' || fail "gradient descent by one path is not exact"
import json
for row in json.load(open("single/summary.json"))["rows"]:
    assert row["iterates"]["se"] == 0
    assert abs(row["iterates"]["mean"] - row["exact_iterates"]) < 1e-14, row
    assert abs(row["sde"]["mean"] - row["exact_sde"]) < 2 * row["scheme_error"] + 1e-12, row
    assert abs(row["exact_sde"] - row["exact_iterates"]) < 3e-3, row
PYTHON

# refuses WORDS --set ...: status 2 and one line with these words.
refuses() {
  local words=$1 status=0
  shift
  "$program" check single.yaml "$@" >out 2>said || status=$?
  [[ $status -eq 2 && $(wc -l <said) -eq 1 ]] || fail "$*: status $status: $(cat said)"
  grep -qF -- "$words" said || fail "$*: not '$words' but $(cat said)"
}
refuses "paths must be at least 2" --set noise.sampling=with-replacement
refuses "paths must be at least 2" --set batch=2
refuses "paths must be at least 2" --set 'optimizers=[{name: m-usam, micro_batch: 2}]'
refuses "takes no schedule" --set study=stationary
refuses "takes no schedule" --set variance_reduction=control-variate
refuses "negative at time" --set 'schedule.eta={shape: formula, expression: 1-t}'
refuses "not a finite number" --set 'schedule.rho={shape: formula, expression: 1/(t-1)^2}'
refuses "below the horizon" --set 'schedule.eta={shape: constant, warmup: 2}'
refuses "unknown key 'lr'" --set 'schedule={lr: {shape: cosine}}'
refuses "nearest is 'cosine'" --set 'schedule.eta={shape: cosin}'
refuses "rate is missing" --set 'schedule.eta={shape: exponential}'
