#!/usr/bin/env bash
# The figure book: every recipe is run at its full size, each figure drawn as svg, png and pdf (of a
# landscape also as gif) beside the tables it is drawn from, and all are bound into index.html and
# book.pdf. Runs that are there and whole, of the same recipe and overrides, are kept.
# Usage: figures.sh BUILD_DIRECTORY [OVERRIDE...], as in: figures.sh build --set paths=64
# Environment: RECIPES, the names of recipes, all of experiments/recipes/ without it.
set -euo pipefail

build=${1:?usage: figures.sh BUILD_DIRECTORY [OVERRIDE...]}
shift
program=$(realpath "${SHARPSDE:-$build/sharpsde}")
mkdir -p "$build/figures"
book=$(realpath "$build/figures")
cd "$(dirname "$0")/.."

# A run to a tolerance has tables and no picture.
names=${RECIPES:-$(grep -L '^tolerance:' experiments/recipes/*.yaml | xargs basename -s .yaml)}
work=$(mktemp -d "$book/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT

# The words of a caption: the recipe's leading comment without "# ".
comment_of() {
  awk '/^#/ {sub(/^# ?/, ""); print; next} {exit}' "experiments/recipes/$1.yaml"
}

# In one line, with a word instead of a table, whose lines are indented.
claim_of() {
  comment_of "$1" | awk '
    {text = /^ / ? (table ? "" : "[table in the recipe]") : $0; table = /^ /}
    text != "" {printf "%s%s", (NR > 1 ? " " : ""), text}'
}

# The string under a key of the outermost object of a summary, which has a key a line.
text_of() {
  sed -n "s/^  \"$2\": \"\(.*\)\",\{0,1\}$/\1/p" "$book/$1/summary.json" |
    sed 's/\\"/"/g; s/\\\\/\\/g'
}

# A verdict a line: holds, fails or undecided; claim; evidence.
verdicts_of() {
  awk '
    function value(line) {
      sub(/^ *"[a-z]*": "?/, "", line)
      sub(/"?,?$/, "", line)
      gsub(/\\"/, "\"", line)
      gsub(/\\\\/, "\\", line)
      return line
    }
    /^  "verdicts": \[/ {inside = 1}
    inside && /^      "claim": / {claim = value($0)}
    inside && /^      "holds": / {
      holds = value($0)
      holds = holds == "true" ? "holds" : holds == "false" ? "fails" : "undecided"
    }
    inside && /^      "evidence": / {print holds "\t" claim "\t" value($0)}
  ' "$book/$1/summary.json"
}

# "12 of 17 checks hold, 1 fails, 4 undecided"
score_of() {
  verdicts_of "$1" | awk -F '\t' '
    {n[$1]++}
    END {
      if (NR == 0) print "The run makes no claim"
      else printf "%d of %d check%s hold%s, %d fail%s, %d undecided\n", \
                  n["holds"], NR, NR == 1 ? "" : "s", n["holds"] == 1 ? "s" : "", \
                  n["fails"], n["fails"] == 1 ? "s" : "", n["undecided"]
    }'
}

# The tables that a picture is drawn from: of several settings there is a series each.
tables_of() {
  local script=${1%%-*}
  sed -n "s/^PICTURE([a-z]*, $script, [a-z]*, \"\(.*\)\")$/\1/p" experiments/pictures/pictures.def |
    head -n 1
}

# The claim, and what became of it in this run.
caption_of() {
  local claim
  claim=$(claim_of "$1")
  echo "${claim:-$(text_of "$1" title).} $(score_of "$1")."
}

# The run of a recipe, unless it is there: the file .complete holds what it was made from.
run_recipe() {
  local name=$1 key seconds=$SECONDS
  shift
  key=$(printf '%s\n' "$*" | cat - "experiments/recipes/$name.yaml" | sha256sum)
  if [ -f "$book/$name/.complete" ] && [ "$(cat "$book/$name/.complete")" = "$key" ]; then
    echo "$name: is there"
    return
  fi
  rm -f "$book/$name/.complete"
  "$program" run "experiments/recipes/$name.yaml" -o "$book/$name" --force --quiet "$@" || return
  printf '%s\n' "$key" >"$book/$name/.complete"
  echo "$name: ran for $((SECONDS - seconds)) s"
}

# The pictures, whose names go to a file, without folder or extension; and the pages of the book.
draw() {
  local name=$1 page tables
  "$program" plot "$book/$name" --format svg --format png --format gif >"$work/pictures" || return
  sed -n 's|.*/\(.*\)\.svg$|\1|p' "$work/pictures" >"$work/names"
  tables=$(while IFS= read -r page; do tables_of "$page"; done <"$work/names" | tr ' ' '\n' |
    awk '!seen[$0]++ {printf "%s%s", (NR > 1 ? ", " : ""), $0}')
  "$program" plot "$book/$name" --format pdf --caption \
    "$name. $(caption_of "$name") Drawn from $tables in $name/." >"$work/pages" || return
  while IFS= read -r page; do
    mv "$page" "$work/$(printf '%04d' "$number").pdf"
    number=$((number + 1))
  done <"$work/pages"
  "$program" plot "$book/$name" --format pdf >/dev/null
}

escaped() {
  sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
}

image() {
  printf '<img alt="%s" src="data:%s;base64,' "$3" "$1"
  base64 -w 0 "$2"
  printf '">\n'
}

# The claim for the page, its table set as one.
page_claim_of() {
  comment_of "$1" | escaped | awk '
    /^ / {if (!table) print "\n<pre>"; table = 1; print; next}
    {if (table) print "</pre>"; table = 0; printf "%s ", $0}
    END {if (table) print "</pre>"}'
  [ -n "$(comment_of "$1")" ] || printf '%s. ' "$(text_of "$1" title | escaped)"
}

write_figure() {
  local name=$1 picture=$2 file table
  echo "<figure>"
  image image/svg+xml "$book/$name/$picture.svg" "$name, $picture"
  echo "<figcaption><b>$name, $picture.</b> $(page_claim_of "$name")" \
    "$(score_of "$name"). Drawn from"
  for table in $(tables_of "$picture"); do
    echo "<a href=\"$name/$table\">$table</a>"
  done
  echo "(as"
  for file in svg png pdf; do
    echo "<a href=\"$name/$picture.$file\">$file</a>"
  done
  echo ").</figcaption></figure>"
  if [ -f "$book/$name/$picture.gif" ]; then
    echo "<figure>"
    image image/gif "$book/$name/$picture.gif" "$name, $picture, animated"
    echo "<figcaption><b>$name, $picture.</b> The paths as they move:" \
      "<a href=\"$name/$picture.gif\">gif</a>.</figcaption></figure>"
  fi
}

write_chapter() {
  local name=$1 picture
  echo "<section id=\"$name\"><h2>$(text_of "$name" title | escaped)</h2>"
  while IFS= read -r picture; do
    write_figure "$name" "$picture"
  done <"$work/names"
  if [ -n "$(verdicts_of "$name")" ]; then
    echo "<details><summary>Every claim</summary><ul>"
    verdicts_of "$name" | escaped | awk -F '\t' '{print "<li><b>" $1 "</b>: " $2 " (" $3 ")</li>"}'
    echo "</ul></details>"
  fi
  echo "<p><code>sharpsde run experiments/recipes/$name.yaml $overrides</code></p></section>"
}

write_head() {
  cat <<'END'
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>sharpsde: the figure book</title>
<style>
:root {color-scheme: light dark; --page: #fff; --ink: #111; --quiet: #444; --rule: #ccc;
  --link: #05a}
@media (prefers-color-scheme: dark) {
:root {--page: #16181c; --ink: #e8e8e8; --quiet: #b8bcc2; --rule: #444; --link: #8ab4f8}
}
body {font: 16px/1.5 sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem;
  background: var(--page); color: var(--ink)}
a {color: var(--link)} figure {margin: 1rem 0} pre {overflow-x: auto}
img {max-width: 100%; height: auto; background: #fff; border-radius: 4px}
figcaption, details {color: var(--quiet)} code {overflow-wrap: anywhere}
section {border-top: 1px solid var(--rule); margin-top: 3rem}
@media print {section {break-before: page}}
</style></head><body>
END
  echo "<h1>sharpsde: the figure book</h1><p>$edition</p>" \
    "<p>All quantities are without units; time is t = kη at step k.</p><ul>"
}

overrides=$(printf '%s ' "$@" | escaped)
edition="Every recipe at its full size."
[ $# = 0 ] || edition="A quick look, not the shipped sizes: $*"
[ -z "${RECIPES:-}" ] || edition="A selection of recipes. $edition"
number=1
contents=
failed=
for name in $names; do
  if run_recipe "$name" "$@" && draw "$name"; then
    write_chapter "$name" >>"$work/chapters"
    printf '<li><a href="#%s">%s</a></li>\n' "$name" "$(text_of "$name" title | escaped)" \
      >>"$work/list"
    contents+=$'\n'"$name:  $(text_of "$name" title)"
  else
    failed+=" $name"
  fi
done
[ -f "$work/list" ] || { echo "figures.sh: no recipe could be drawn:$failed" >&2; exit 1; }

{
  write_head
  cat "$work/list"
  echo "</ul>"
  cat "$work/chapters"
  echo "</body></html>"
} >"$work/index.html"
mv "$work/index.html" "$book/index.html"
gnuplot -d -c "${SHARPSDE_PLOTS:-plots}/cover.gp" pdf "$work/0000.pdf" \
  "sharpsde: the figure book"$'\f'"$edition"$'\n'"$contents"
pdfunite "$work"/[0-9]*.pdf "$work/book.pdf"
mv "$work/book.pdf" "$book/book.pdf"

echo "The figure book: $book/index.html and $book/book.pdf; pictures and tables beside them"
[ -z "$failed" ] || { echo "figures.sh: these recipes are missing in it:$failed" >&2; exit 1; }
