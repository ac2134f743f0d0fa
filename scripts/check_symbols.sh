#!/usr/bin/env bash
# What the linker sees: no object needs a symbol that a room above its own defines (rooms.awk); and
# what the library shows to programs, functions and the names of its headers' constants, begins with
# sde_, models_ or analysis_, or outside sde/ with the first word of a header's name there, or with
# one of the words below. The objects are those beside SHARPSDE, or in build/. With --self-test:
# shows that each kind of mistake is noticed.
set -euo pipefail
shopt -s nullglob

here=$(cd "$(dirname "$0")" && pwd)
# What stands in a header under the name of its subject: objective.h, gradient_rule.h, rule_rw_sam.h,
# observables.h, parameters.h, minima.h.
words="micro_batch regularizer rw_sam observable parameter minimum"

# "OBJECT TYPE NAME" of all symbols that linkers see, sources that are no longer there left out.
symbols() {
  local object source objects=()
  for object in "$1"/{sde,models,analysis,experiments/*}/*.o; do
    source=${object#"$1"/}
    [ ! -f "${source%.o}.c" ] || objects+=("$source")
  done
  (cd "$1" && nm -gA "${objects[@]}") | sed -n 's/^\([^:]*\):[ 0-9a-f]*\([A-Za-z]\) \([A-Za-z]\w*\)$/\1 \2 \3/p'
}

# Symbols that an object needs from a room above its own.
upward_calls() {
  awk "$(<"$here/rooms.awk")"'
    $2 != "U" { home[$3] = $1; next }
    { object[++needs] = $1; name[needs] = $3 }
    END {
      for (i = 1; i <= needs; i++) {
        to = home[name[i]]
        if (to != "" && !may_use(room_of(object[i]), room_of(to)))
          print object[i] ": " name[i] " is of " to ", a room that it may not use"
      }
    }'
}

# Names that headers give to constants and types: enumerators, macros, enumerations, structures.
header_names() {
  local header
  for header in {sde,models,analysis}/*.h; do
    [[ $header == *_kernel.h ]] || awk -v header="${header%.h}" '
        function without_comments(text, out, at) {
          while ((at = index(text, comment ? "*/" : "/*")) > 0) {
            out = out (comment ? "" : substr(text, 1, at - 1))
            text = substr(text, at + 2)
            comment = !comment
          }
          return out (comment ? "" : text)
        }
        { $0 = without_comments($0) }
        /^#define / { sub(/\(.*/, "", $2); print header ".o T " $2 }
        /^(typedef )?(enum|struct) [a-z_0-9]+ \{/ { name = $2; print header ".o T " name }
        /^(enum|typedef enum)/ { inside = 1; sub(/^[^{]*\{/, "") }
        inside {
          last = /\}/
          sub(/\}.*/, "")
          count = split($0, item, ",")
          for (i = 1; i <= count; i++)
            if (match(item[i], /[A-Z][A-Z0-9_]*/))
              print header ".o T " substr(item[i], RSTART, RLENGTH)
          if (last)
            inside = 0
        }' "$header"
  done
}

# Names of the library without its own prefix; of include guards the rule is the path.
bare_names() {
  awk -v words="$words" -v headers="$(echo {sde,models,analysis}/*.h)" '
    BEGIN {
      split("sde models analysis " words, word, " ")
      for (i in word)
        prefix[word[i]] = 1
      count = split(headers, header, " ")
      for (i = 1; i <= count; i++)
        if (header[i] !~ /^sde\//) {
          sub(/^[a-z]*\//, "", header[i])
          sub(/[_.].*/, "", header[i])
          prefix[header[i]] = 1
        }
    }
    $2 != "U" && $1 ~ /^(sde|models|analysis)\// {
      name = tolower($3)
      good = name ~ /^(sde|models|analysis)_/
      for (p in prefix)
        good = good || ($1 !~ /^sde\// && (name == p || index(name, p "_") == 1 || name ~ "^" p "e?s(_|$)"))
      if (!good)
        print $1 ": " $3 " has no prefix"
    }' | sort -u
}

violations() {
  symbols "$1" >"$1/symbols"
  upward_calls <"$1/symbols"
  { cat "$1/symbols"; header_names; } | bare_names
}

# expect COUNT FILE TEXT...: a tree with these files has so many violations, beside a library and a
# room that have none.
expect() {
  local tree found count=$1 cases=$2
  tree=$(mktemp -d)
  mkdir -p "$tree"/{sde,models,analysis,experiments/{io,cases,studies}} "$tree/build"
  shift
  set -- sde/a.c 'void sde_a(void) {}' models/loss.h '' models/loss.c 'void loss_of(void) {}' \
    experiments/studies/study.c 'void study_run(void) {}' "$@"
  while [ $# -gt 0 ]; do
    printf '%s\n' "$2" >"$tree/$1"
    shift 2
  done
  found=$(cd "$tree" && for source in */*.c */*/*.c; do
    mkdir -p "build/${source%/*}"
    ${CC:-cc} -w -c -o "build/${source%.c}.o" "$source"
  done && violations build | wc -l)
  rm -r "$tree"
  [ "$found" -eq "$count" ] || { echo "check_symbols: $cases: $found violations, not $count"; exit 1; }
}

self_test() {
  local calls='void loss_of(void); void study_run(void); void sde_a(void);'
  expect 0 models/b.c "$calls void loss_b(void) { loss_of(); sde_a(); }"
  expect 0 experiments/studies/b.c "$calls void anything(void) { study_run(); loss_of(); }"
  expect 1 sde/b.c "$calls void sde_b(void) { loss_of(); }"
  expect 1 models/b.c "$calls void loss_b(void) { study_run(); }"
  expect 1 experiments/cases/b.c "$calls void case_b(void) { study_run(); }"
  expect 1 models/b.c 'void bare(void) {}'
  expect 1 sde/b.c 'int loss_of_all;'
  expect 0 models/b.c 'static void bare(void) {}'
  expect 0 models/loss.h 'enum loss_kind { LOSS_A, LOSS_B = 2 };'
  expect 1 models/loss.h 'enum loss_kind { LOSS_A, GAUSSIAN };'
  expect 1 models/loss.h '#define SIZE 3'
  expect 1 models/loss.h 'struct kind { int a; };'
  expect 0 models/loss.h $'/* enum kind { GAUSSIAN }; */\nenum loss_kind {\n  LOSS_A /* and\n NOT_THIS, nor */\n};'
  echo "check_symbols: notices what it should"
}

if [ "${1:-}" = --self-test ]; then
  self_test
  exit
fi
build=$(cd "$here/.." && realpath "$(dirname "${SHARPSDE:-build/sharpsde}")")
cd "$here/.."
found=$(violations "$build")
[ -z "$found" ] || { echo "$found"; exit 1; }
echo "no call goes up, and the library's names have prefixes"
