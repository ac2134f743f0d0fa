#!/usr/bin/env bash
# Do two builds give the same bytes? Runs every shipped recipe with 64 paths by an old and by a new
# command and compares all CSV tables and summary.json.
#
#   tests/same_bytes.sh [OLD [NEW]]    a command or a git revision each; HEAD~1, build/sharpsde
#   tests/same_bytes.sh --self-test    a few recipes; a character that differs must be noticed
#
# A revision is built in a scratch folder. Both commands run the recipes of this tree; a recipe that
# only one of them accepts counts as a difference. RECIPES='golden valley' names some recipes. Each
# file that differs is listed with its first differing lines; status 1 where there is any.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
program=${SHARPSDE:-$root/build/sharpsde}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export SHARPSDE_PLOTS=$scratch/no-pictures

fail() {
  echo "$*"
  exit 1
}

# command_of OLD|NEW NAME: the path of a command; where NAME is a revision, it is built first.
command_of() {
  local tree=$scratch/tree-$1
  if [ -x "$2" ] && [ ! -d "$2" ]; then
    realpath "$2"
    return
  fi
  git -C "$root" rev-parse --quiet --verify "$2^{commit}" >/dev/null ||
    fail "$2 is neither a command nor a revision" >&2
  mkdir "$tree"
  git -C "$root" archive "$2" | tar -x -C "$tree"
  make -C "$tree" -j"$(nproc)" build/sharpsde >"$tree.log" 2>&1 ||
    fail "$2 does not build: $(tail "$tree.log")" >&2
  echo "$tree/build/sharpsde"
}

# run_one COMMAND SIDE NAME: one recipe into SIDE/NAME. Where it is refused, its sentence stays
# alone in SIDE/NAME/refused. A recipe that runs to a tolerance accepts no number of paths.
run_one() {
  local recipe=$root/experiments/recipes/$3.yaml few=paths=64 status=0
  ! grep -q '^tolerance:' "$recipe" || few=tolerance=1e-3
  "$1" run "$recipe" --set $few -o "$2/$3" -j 1 --quiet >"$2-$3.log" 2>&1 || status=$?
  [ $status -ne 0 ] || return 0
  mkdir -p "$2/$3"
  echo "status $status: $(cat "$2-$3.log")" >"$2/$3/refused"
}

# compared NAME: prints what differs between old/NAME and new/NAME.
compared() {
  local file
  while IFS= read -r file; do
    cmp -s "old/$file" "new/$file" && continue
    echo "$file differs:"
    { diff -N "old/$file" "new/$file" || true; } | head -n 6 | cut -c 1-160 | sed 's/^/  /'
  done < <(find "old/$1" "new/$1" \( -name '*.csv' -o -name summary.json -o -name refused \) \
    -printf '%P\n' | sort -u | sed "s|^|$1/|")
}

# compare OLD NEW NAME...: both commands on these recipes, beside the same data, for its path enters
# recipe_sha256; prints what differs.
compare() {
  local old=$1 new=$2 name
  shift 2
  rm -rf old new
  mkdir old new
  ln -sf "$root"/data/*.csv .
  printf '%s\n' "$@" >names
  export -f run_one
  export root
  xargs -P "$(nproc)" -I{} bash -c "run_one '$old' old {}; run_one '$new' new {}" <names
  for name in "$@"; do
    compared "$name"
  done
}

# twin SCRIPT: the command `twin`, which has run_one's words: run RECIPE --set WHAT -o DIR ...
twin() {
  printf '#!/bin/bash\n%s\n' "$1" >twin
  chmod +x twin
}

self_test() {
  twin "'$program' \"\$@\" && sed -i '\$ s/.\$/x/' \"\$6/series.csv\""
  [ -z "$(compare "$program" "$program" golden valley)" ] || fail "a command differs from itself"
  compare "$program" "$scratch/twin" golden valley >said
  for name in golden valley; do
    grep -q "^$name/series.csv differs:\$" said || fail "a character is not noticed: $(cat said)"
  done
  [ "$(grep -c ' differs:$' said)" -eq 2 ] || fail "more than two files differ: $(cat said)"
  twin 'exit 2'
  compare "$program" "$scratch/twin" golden >said
  grep -q '^golden/refused differs:$' said || fail "a refusal is not noticed: $(cat said)"
  echo "same bytes are told from others"
}

if [ "${1:-}" = --self-test ]; then
  program=$(realpath "$program")
  cd "$scratch"
  self_test
  exit
fi
old=$(command_of old "${1:-HEAD~1}")
new=$(command_of new "${2:-$program}")
cd "$scratch"
recipes=$(cd "$root/experiments/recipes" && echo *.yaml)
read -ra names <<<"${RECIPES:-${recipes//.yaml/}}"
compare "$old" "$new" "${names[@]}" | tee differences
files=$(find new -name '*.csv' -o -name summary.json | wc -l)
[ "$files" -gt 0 ] || fail "no recipe ran"
count=$(grep -c ' differs:$' differences || true)
echo "${#names[@]} recipes, $files files, $count differ"
[ "$count" -eq 0 ]
