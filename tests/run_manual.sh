#!/usr/bin/env bash
# The manual page names every command and every option that `sharpsde help` knows, under the
# command's own heading, and mandoc finds nothing to say about it; the completions offer what the
# program itself lists.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
page=$root/docs/sharpsde.1

# What the page lacks, a line each: commands, and options as they stand in mdoc, "Fl -set".
missing() {
  local page=$1 command option section
  while read -r command; do
    section=$(awk -v heading=".Ss sharpsde $command" '/^\.S[sh] / {inside = $0 == heading} inside' "$page")
    [ -n "$section" ] || echo "sharpsde $command"
    grep -qx "\.Cm $command" "$page" || echo "synopsis: $command"
    while read -r option; do
      grep -qE "^\.It Fl ${option#-}( |$)" <<<"$section" || echo "$command $option"
    done < <("$program" help "$command" | sed -n 's/^  \(-[-a-z]*\).*/\1/p')
  done < <(cut -d ' ' -f 1 commands)
}

"$program" help | sed -n 's/^  \([a-z][a-z]*\)  *[^ ].*/\1/p' | grep -vx sharpsde >commands
[ "$(wc -l <commands)" -ge 6 ] || fail "few commands: $(cat commands)"
lacking=$(missing "$page")
[ -z "$lacking" ] || fail "docs/sharpsde.1 lacks: $lacking"
# Twins: a page without an option, and without a command.
grep -v '^\.It Fl -json' "$page" >twin
[ "$(missing twin)" = "run --json" ] || fail "a missing option is not noticed: $(missing twin)"
grep -v '^\.Ss sharpsde explain' "$page" >twin
[ "$(missing twin)" = "sharpsde explain" ] || fail "a missing command is not noticed: $(missing twin)"

# Pages that it refers to need not be installed here.
if command -v mandoc >/dev/null && command -v col >/dev/null; then
  mandoc -T lint -W style "$page" >said 2>&1 || true
  ! grep -v 'referenced manual not found\|mandoc.db' said || fail "mandoc complains"
  mandoc -T utf8 "$page" | col -b >text
  [ "$(awk '{ if (length > 80) print }' text | wc -l)" -eq 0 ] || fail "lines of more than 80 columns"
else
  echo "skipped: no mandoc or col, so the manual page is not checked as mdoc; make deps CHECK=1"
fi

# completes EXPECTED WORD...: what bash offers for the last word, sorted.
mkdir bin
ln -s "$program" bin/sharpsde
PATH=$scratch/bin:$PATH
# shellcheck source=/dev/null
. "$root/completions/sharpsde.bash"
completes() {
  local expected=$1 offered
  shift
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _sharpsde
  offered=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')
  [ "$offered" = "$expected" ] || fail "'$*' is completed by '$offered', not '$expected'"
}
sorted() { sort | paste -sd ' '; }
rows() { "$program" list "$1" | grep -oE '^  [a-z][-a-z0-9]*' | tr -d ' ' | sorted; }
touch first.yaml second.yaml other.csv
mkdir out

completes "$({ cat commands; printf -- 'help\n--help\n--version\n'; } | sorted)" sharpsde ""
completes "explain" sharpsde ex
completes "--force" sharpsde run --f
completes "--force --help --json --kernels --quiet --resume --seed --set -j -o" sharpsde run first.yaml -
completes "--help --set" sharpsde check -
completes "bin first.yaml out second.yaml" sharpsde run ""
completes "first.yaml" sharpsde check f
completes "bin out" sharpsde run first.yaml -o ""
completes "out" sharpsde plot o
completes "" sharpsde run first.yaml -j ""
completes "losses noise observables optimizers schemes studies" sharpsde list ""
completes "$(rows studies)" sharpsde new ""
completes "$(rows optimizers)" sharpsde explain ""
completes "m-sam m-usam" sharpsde explain m-
completes "list" sharpsde help l
[ "$(rows studies | wc -w)" -ge 8 ] || fail "few studies"

if command -v zsh >/dev/null; then
  zsh -n "$root/completions/_sharpsde" || fail "zsh cannot read _sharpsde"
  # Its functions, driven without a terminal: what _describe would be given.
  cat >drive.zsh <<'DRIVE'
_describe() { print -rl -- ${(P)2%%:*} }
_files() { print -r -- files "$@" }
. $1 2>/dev/null
for line in 'sharpsde ' 'sharpsde run -' 'sharpsde new ' 'sharpsde list ' 'sharpsde run '; do
  words=("${(@s: :)line}") CURRENT=$#words
  print -r -- "= $line"
  _sharpsde
done
DRIVE
  zsh -f drive.zsh "$root/completions/_sharpsde" >offered 2>errors || true
  [ ! -s errors ] || fail "zsh: $(cat errors)"
  of() { awk -v line="= $1" '/^= / {inside = $0 == line; next} inside' offered | sorted; }
  [ "$(of 'sharpsde ')" = "$({ cat commands; printf -- 'help\n--version\n'; } | sorted)" ] ||
    fail "zsh offers $(of 'sharpsde ')"
  [ "$(of 'sharpsde run -')" = "--force --help --json --kernels --quiet --resume --seed --set -j -o" ] ||
    fail "zsh offers $(of 'sharpsde run -')"
  [ "$(of 'sharpsde new ')" = "$(rows studies)" ] || fail "zsh offers $(of 'sharpsde new ')"
  [ "$(of 'sharpsde list ')" = "losses noise observables optimizers schemes studies" ] ||
    fail "zsh offers $(of 'sharpsde list ')"
  [ "$(of 'sharpsde run ')" = "files -g *.yaml" ] || fail "zsh offers $(of 'sharpsde run ')"
else
  echo "skipped: no zsh, so its completions are not tested; make deps CHECK=1"
fi
echo "the manual page and the completions know what the program knows"
