#!/usr/bin/env bash
# The floors hold: a file includes its own room or those below it (rooms.awk), an example the library
# alone; each file of experiments/ is in a room; no file includes a .c file; plots/ holds gnuplot
# scripts only.
# Names each line that breaks this and ends with status 1. With --self-test: shows that each kind of
# mistake is noticed.
set -euo pipefail
shopt -s nullglob

here=$(cd "$(dirname "$0")" && pwd)

wrong_includes() {
  awk "$(<"$here/rooms.awk")"'
    function wrong(why) { printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why }
    /^[ \t]*#[ \t]*include/ {
      from = room_of(FILENAME)
      name = $0
      sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
      form = substr(name, 1, 1)
      name = substr(name, 2)
      sub(/[">].*/, "", name)
      to = room_of(name)
      if (name ~ /\.c$/)
        wrong("a .c file is compiled, never included")
      else if (form == "<" && to in rank)
        wrong("files of this project are included in quotes")
      else if (form != "<" && (from in rank || from == "examples") &&
               (form != "\"" || !(to in rank) || !may_use(from, to)))
        wrong(from "/ includes its own room or those below it, from the project root")
    }' "$@"
}

violations() {
  local files=({sde,models,analysis,experiments/*,tests,bench}/*.{c,h,def} examples/{,*/}*.{c,h})
  [ ${#files[@]} -eq 0 ] || wrong_includes "${files[@]}"
  local entry
  for entry in experiments/*.{c,h,def}; do
    echo "$entry: the files of experiments/ are in its rooms"
  done
  for entry in plots/*; do
    case $entry in
      *.gp | *.gnuplot) ;;
      *) echo "$entry: plots/ holds gnuplot scripts only (.gp)" ;;
    esac
  done
}

# expect COUNT FILE LINE: a tree with this one line has COUNT violations.
expect() {
  local tree found
  tree=$(mktemp -d)
  mkdir -p "$tree"/{sde,models,analysis,experiments/{io,recipe,cases,results,studies,pictures,report,command},tests,plots,examples/a}
  printf '%s\n' "$3" >"$tree/$2"
  found=$(cd "$tree" && violations | wc -l)
  rm -r "$tree"
  [ "$found" -eq "$1" ] || { echo "check_floors: $2: $3: $found violations, not $1"; exit 1; }
}

self_test() {
  expect 0 sde/a.c '#include "sde/a.h"'
  expect 0 sde/a.c '#include <math.h> /* not "models/a.h" */'
  expect 0 models/a.h '#include "sde/a.h"'
  expect 0 experiments/io/a.c '#include "models/a.def"'
  expect 0 tests/test_a.c '#include "experiments/io/a.h"'
  expect 0 plots/a.gp 'plot x'
  expect 0 examples/a/a.c '#include "models/a.h"'
  expect 1 examples/a/a.c '#include "experiments/io/a.h"'
  expect 0 examples/a.c '#include "analysis/a.h"'
  expect 0 analysis/a.c '#include "models/a.h"'
  expect 1 models/a.c '#include "analysis/a.h"'
  expect 1 analysis/a.h '#include "experiments/io/a.h"'
  expect 1 examples/a.c '#include "experiments/io/a.h"'
  expect 1 examples/a.h '#include "experiments/io/a.h"'
  expect 1 models/a.c '#include "examples/a/a.h"'
  expect 0 experiments/cases/a.c '#include "experiments/recipe/a.h"'
  expect 0 experiments/studies/a.c '#include "experiments/results/a.h"'
  expect 0 experiments/report/a.c '#include "experiments/results/a.h"'
  expect 0 experiments/pictures/a.c '#include "experiments/io/a.h"'
  expect 0 experiments/command/a.c '#include "experiments/studies/studies.def"'
  expect 1 experiments/io/a.c '#include "experiments/recipe/a.h"'
  expect 1 experiments/recipe/a.h '#include "experiments/studies/a.h"'
  expect 1 experiments/cases/a.c '#include "experiments/results/a.h"'
  expect 1 experiments/results/a.c '#include "experiments/studies/a.h"'
  expect 1 experiments/studies/a.c '#include "experiments/pictures/a.h"'
  expect 1 experiments/report/a.c '#include "experiments/cases/a.h"'
  expect 1 experiments/report/a.c '#include "experiments/pictures/a.h"'
  expect 1 experiments/pictures/a.c '#include "experiments/recipe/a.h"'
  expect 1 experiments/command/a.c '#include "experiments/nowhere/a.h"'
  expect 1 experiments/a.c 'int a;'
  expect 1 sde/a.c '#include "models/a.h"'
  expect 1 sde/a.def '  #  include "experiments/io/a.h"'
  expect 1 models/a.h '#include "experiments/io/a.h"'
  expect 1 models/a.c '#include <experiments/io/a.h>'
  expect 1 models/a.c '#include "../experiments/a.h"'
  expect 1 models/a.c '#include "a.h"'
  expect 1 sde/a.c '#include SOME_HEADER'
  expect 1 experiments/io/a.c '#include "experiments/io/b.c"'
  expect 1 tests/test_a.c '#include "sde/a.c"'
  expect 1 plots/a.py 'print()'
  echo "check_floors: notices what it should"
}

cd "$(dirname "$0")/.."
if [ "${1:-}" = --self-test ]; then
  self_test
  exit
fi
found=$(violations)
[ -z "$found" ] || { echo "$found"; exit 1; }
echo "the floors hold"
