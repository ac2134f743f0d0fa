#!/usr/bin/env bash
# The same recipe gives the same bytes of every table, summary.json and recipe.yaml, for any number
# of threads and again from the recipe.yaml it wrote; another seed gives others. In both studies,
# for each kind of noise, on a quadratic and on real data.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$scratch/no-pictures

run() {
  "$program" run "$@" >said 2>&1 || fail "run $* ended with status $?: $(cat said)"
}

# What a run promises to repeat.
promised() {
  (cd "$1" && ls -- *.csv summary.json recipe.yaml)
}

same() {
  [ "$(promised "$1")" = "$(promised "$2")" ] || fail "$3: other files: $(promised "$2")"
  for file in $(promised "$1"); do
    cmp "$1/$file" "$2/$file" || fail "$3: $file is not the same"
  done
}

cat >quadratic.yaml <<END
loss: {name: quadratic, data: $root/data/quadratic4.csv}
start: [1.5, -1]
batch: 4
eta: [0.1, 0.05]
rho: 0.1
time: 0.5
optimizers: [{name: sgd}, {name: n-usam}, {name: usam}, {name: m-usam, micro_batch: [2, 1]}]
sde: [{rho_order: exact, substeps: 3}, {variance_term: false, substeps: 2}]
observables: [loss, noise-trace, x1]
paths: 700
END
cat >logistic.yaml <<END
loss:
  name: logistic
  data: $root/data/breast_cancer.csv
  columns: [mean_radius, mean_texture]
  ridge: 0.01
batch: 4
eta: 0.4
rho: 0.1
time: 2
optimizers: [{name: sgd}, {name: m-usam, micro_batch: [4, 1]}]
sde: {substeps: 2}
observables: [loss, gradient-norm-squared]
paths: 300
END

for loss in quadratic logistic; do
  for noise in with-replacement without-replacement gaussian; do
    for study in compare trajectory; do
      what="$study, $loss, $noise"
      { cat $loss.yaml; echo "study: $study"; echo "noise: {sampling: $noise}"; } >recipe.yaml
      # Four samples drawn four at a time without replacement would be no noise.
      [ "$loss $noise" != "quadratic without-replacement" ] || sed -i 's/^batch: 4/batch: 2/;
        s/^sde: .*/sde: {substeps: 2}/' recipe.yaml
      rm -rf one two again other
      run recipe.yaml -o one -j 1
      run recipe.yaml -o two -j 2
      run one/recipe.yaml -o again
      run recipe.yaml -o other --seed 2
      # recipe.yaml, series.csv, summary.json and the study's table; besides, compare has
      # differences.csv and trajectory quantiles.csv.
      files=5
      [ "$(promised one | wc -l)" -eq $files ] || fail "$what: files are $(promised one)"
      same one two "$what, 1 and 2 threads"
      same one again "$what, again from its recipe.yaml"
      cmp -s one/series.csv other/series.csv && fail "$what: seed 2 gives the same series.csv"
      sum=$(sha256sum one/recipe.yaml | cut -d ' ' -f 1)
      grep -q "\"recipe_sha256\": \"$sum\"" one/summary.json || fail "$what: recipe_sha256"
      grep -q '"seed": 2,' other/summary.json || fail "$what: summary.json does not name seed 2"
    done
  done
done
# To a tolerance: how many paths there are is found out, and is the same too.
{ sed 's/^paths: .*/tolerance: 2e-3/; s/, substeps: .}/}/g' quadratic.yaml; echo "study: compare"; } >recipe.yaml
rm -rf one two again
run recipe.yaml -o one -j 1
run recipe.yaml -o two -j 2
run one/recipe.yaml -o again
[ -s one/multilevel.csv ] || fail "tolerance: no multilevel.csv"
same one two "tolerance, 1 and 2 threads"
same one again "tolerance, again from its recipe.yaml"
# ---- kernels that are asked for ----

{ cat quadratic.yaml; echo "study: compare"; } >recipe.yaml
rm -rf one two again
run recipe.yaml -o one --kernels portable -j 1
run recipe.yaml -o two --kernels portable -j 2
same one two "portable kernels, 1 and 2 threads"
grep -q '"vector_math": "portable"' one/run.json || fail "run.json does not name the kernels: $(grep vector_math one/run.json)"
run recipe.yaml -o again --kernels auto
rm -rf two
run recipe.yaml -o two
same again two "kernels auto, and none asked for"
if grep -q '"vector_math": "x86-64-v[34]"' two/run.json; then
  cmp -s one/series.csv two/series.csv && fail "portable kernels are not those of the processor"
fi
status=0
"$program" run recipe.yaml -o none --kernels v9 2>said || status=$?
[ $status -eq 2 ] || fail "--kernels v9: status $status"
grep -q -- '--kernels v9: accepted are auto, v4, v3, v2, portable' said || fail "--kernels v9: $(cat said)"
echo "the same bits for 1 and 2 threads, and from recipe.yaml"
