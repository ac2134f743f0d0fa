#!/usr/bin/env bash
# Links in README.md, CONTRIBUTING.md and docs/ that lead to a file, or to a heading of one, lead
# somewhere; so do files of the tree that a page names in running text, such as docs/theory.md.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The anchors of a page's headings, as they are usually made: small letters, - for blanks.
anchors() {
  sed -n 's/^##* //p' "$1" | tr 'A-Z ' 'a-z-' | sed 's/[^-a-z0-9_]//g'
}

# What is broken in a page, a line each; paths in running text count from the tree's root.
broken() {
  local page=$1 folder target file anchor
  folder=$(dirname "$page")
  while IFS= read -r target; do
    file=${target%%#*}
    anchor=${target#"$file"}
    [ -z "$file" ] || [ -e "$folder/$file" ] || { echo "$target"; continue; }
    [ -z "$anchor" ] || anchors "${file:+$folder/}${file:-$page}" | grep -qx -- "${anchor#\#}" ||
      echo "$target"
  done < <(grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | grep -vE '^(https?|mailto):')
  while IFS= read -r file; do
    [ -e "$root/$file" ] || echo "$file"
  done < <(grep -oE '(^|[ (`])(docs|tests|examples|scripts|plots|sde|models|analysis|experiments)/[-a-z0-9_/]+\.(md|sh|c|h|def|yaml|gp)' \
    "$page" | sed 's/^[ (`]//' | sort -u)
}

pages=0
for page in "$root"/{README,CONTRIBUTING}.md "$root"/docs/*.md "$root"/data/README.md; do
  found=$(broken "$page")
  [ -z "$found" ] || { echo "$page names what is not there: $found"; exit 1; }
  pages=$((pages + 1))
done

# A twin in which everything is wrong but the last two lines.
cat >"$scratch/page.md" <<'PAGE'
# A heading, here
[a](none.md) [b](page.md#nowhere) [c](#neither) see docs/none.md or `tests/none.sh`
[d](page.md#a-heading-here) [e](#a-heading-here) docs/theory.md [f](https://example.org/x)
PAGE
[ "$(broken "$scratch/page.md" | sort | paste -sd ' ')" = \
  "#neither docs/none.md none.md page.md#nowhere tests/none.sh" ] ||
  { echo "broken links are not noticed: $(broken "$scratch/page.md")"; exit 1; }
echo "the links of $pages pages lead somewhere"
