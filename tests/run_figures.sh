#!/usr/bin/env bash
# The figure book of two small recipes: every figure as svg, png and pdf beside its tables, bound
# into a page that needs no other file and into a pdf; whole runs are kept. And every recipe has its
# entry in docs/reproduce.md.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
SHARPSDE=$(realpath "${SHARPSDE:-$root/build/sharpsde}")
export SHARPSDE SHARPSDE_PLOTS=$root/plots
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
  echo "$*"
  exit 1
}

for recipe in "$root"/experiments/recipes/*.yaml; do
  name=$(basename "$recipe" .yaml)
  grep -qxF "## $name" "$root/docs/reproduce.md" || fail "docs/reproduce.md has no entry for $name"
  head -n 1 "$recipe" | grep -q '^# ' || fail "$name.yaml does not begin with its claim"
done

book() {
  RECIPES="$1" "$root/scripts/figures.sh" "$scratch" --set "paths=$2" >"$scratch/said" 2>&1 ||
    fail "figures.sh ended with status $?: $(cat "$scratch/said")"
}

figures=$scratch/figures
book "golden-norms luo-figure-1" 32
for picture in golden-norms/norms golden-norms/regularizer luo-figure-1/escape; do
  for format in svg png pdf csv; do
    [ -s "$figures/$picture.$format" ] || fail "$picture.$format is missing"
  done
  [ "$(head -c 5 "$figures/$picture.pdf")" = "%PDF-" ] || fail "$picture.pdf is not a pdf"
done

# A page the cover, a page a figure, each with its claim. A line break may stand in any sentence.
[ "$(pdfinfo "$figures/book.pdf" | awk '/^Pages:/ {print $2}')" = 4 ] || fail "book.pdf: pages"
pdftotext "$figures/book.pdf" - | tr '\n' ' ' >"$scratch/text"
for words in "A quick look" "at one point of the golden case" "a bad minimum is left" \
  "Drawn from regularizer.csv, norms.csv in golden-norms/" \
  "Drawn from escape.csv, survival.csv in luo-figure-1/"; do
  grep -qF "$words" "$scratch/text" || fail "book.pdf lacks: $words"
done

index=$figures/index.html
[ "$(grep -c 'src="data:image/svg+xml;base64,' "$index")" = 3 ] || fail "index.html: pictures"
awk -F '"' '/src="data:image.svg/ {print $4; exit}' "$index" | cut -d , -f 2 | base64 -d |
  cmp - "$figures/golden-norms/regularizer.svg" || fail "index.html: another picture"
grep -q 'href="luo-figure-1/survival.csv"' "$index" || fail "index.html names no table"
grep -q '<meta name="viewport"' "$index" || fail "index.html does not fit a small screen"
grep -q 'prefers-color-scheme: dark' "$index" || fail "index.html has no dark colours"
[ "$(grep -c '<figcaption>.* golden case..* checks\? holds\?, .* Drawn from$' "$index")" = 2 ] ||
  fail "index.html: captions without the claim"
grep -q '<b>\(holds\|fails\|undecided\)</b>: ' "$index" || fail "index.html has no verdicts"
grep -q '^<pre>' "$index" || fail "index.html: the table in luo-figure-1's comment is not set as one"
grep -oE '(src|href)="[^"#]*"' "$index" | grep -v '"data:' | cut -d '"' -f 2 |
  while IFS= read -r file; do
    [ -s "$figures/$file" ] || fail "index.html: $file is missing"
  done

# What is whole is kept; another size, or a run cut short, is run anew.
touch -d '2001-01-01' "$figures/golden-norms/norms.csv"
book golden-norms 32
[ "$(date -r "$figures/golden-norms/norms.csv" +%Y)" = 2001 ] || fail "a whole run was run again"
book golden-norms 33
[ "$(date -r "$figures/golden-norms/norms.csv" +%Y)" != 2001 ] || fail "a run of other size was kept"

echo "the figure book is whole"
