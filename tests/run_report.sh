#!/usr/bin/env bash
# Reports: runs of several studies at few paths become pages that are whole, well formed, loaded from
# nowhere and safe against what a recipe holds; what went wrong is said first; several runs give one
# page; nonsense is refused. With tidy, and with chromium at two widths, where these are installed.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
export SHARPSDE_PLOTS=$root/plots

recipe() {
  "$program" run "$root/experiments/recipes/$1.yaml" -o "$1" --quiet "${@:2}" 2>err ||
    fail "$1 did not run: $(cat err)"
}

nbsp=$'\u00a0'

# line FILE TEXT: the number of the first line that holds this text.
line() {
  local found
  found=$(grep -nF -m 1 -- "$2" "$1") || fail "$1 does not say: $2"
  echo "${found%%:*}"
}

# in_order FILE TEXT...: each text first stands on a later line than the one before.
in_order() {
  local file=$1 before=0 now text
  shift
  for text in "$@"; do
    now=$(line "$file" "$text")
    [ "$now" -gt "$before" ] || fail "$file: too early: $text"
    before=$now
  done
}

command -v tidy >/dev/null ||
  echo "skipped: no tidy, so reports are not checked by it; make deps CHECK=1"

# What every page must be, whatever it shows.
check_page() {
  local file=$1 found
  [ "$(sed -n '1p;$p' "$file")" = $'<!DOCTYPE html>\n</html>' ] || fail "$file is not whole"
  found=$(grep -oE '<(script|link|iframe|object|embed|img|base|form|foreignObject|image)\b|@import' \
    "$file" | sort -u) && fail "$file holds $found"
  found=$(grep -oE '(src|href|srcset|data|action)="[^#"][^"]*"|="[^"]*url\([^#)][^"]*"' "$file" |
    grep -v '^href="https://arxiv.org/abs/') && fail "$file loads or links to $found"
  grep -qiE ' on[a-z]+ *="' "$file" && fail "$file has an event handler"
  found=$(grep -oE ' id="[^"]*"' "$file" | sort | uniq -d | head -n 1)
  [ -z "$found" ] || fail "$file: twice: $found"
  # Each link within the page leads somewhere.
  comm -23 <(grep -oE '(href="|url\()#[^")]*' "$file" | sed 's/.*#//' | sort -u) \
    <(grep -oE ' id="[^"]*"' "$file" | sed 's/ id="//; s/"$//' | sort -u) >dangling
  [ ! -s dangling ] || fail "$file: these links lead nowhere: $(head -n 3 dangling)"
  if command -v tidy >/dev/null; then
    found=$(tidy -q -e --drop-empty-elements no "$file" 2>&1 | head -n 3) || true
    [ -z "$found" ] || fail "$file: tidy says: $found"
  fi
}

# A run that goes well, with what HTML would take for its own, and nothing to be said first.
cat >good.yaml <<'END'
# The term is <b>there</b> & "not" half of it.
#
#   m   a table's line
title: Title with <script>alert(1)</script> & "quotes" 'single' </title>
study: regularizer
loss: {name: quadratic, data: quadratic4.csv}
noise: {sampling: with-replacement}
start: [1.5, -1.0]
batch: 4
eta: 0.1
rho: 0.1
time: 1
optimizers: [{name: m-usam, micro_batch: [2, 1]}, {name: n-usam}]
paths: 20000
END
cp "$root/data/quadratic4.csv" .
"$program" run good.yaml -o good --seed 7 >said 2>err || fail "the good run failed: $(cat err)"
grep -qx 'The report is good/report.html' said || fail "the report is not named: $(cat said)"
check_page good/report.html
in_order good/report.html '<h1 id="title">Title with &lt;script&gt;alert(1)&lt;/script&gt; &amp; ' \
  'Study regularizer, 20000 paths, seed 7, run time' '<p>The term is &lt;b&gt;there&lt;/b&gt; &amp; ' \
  '<pre>  m   a table&#39;s line' 'id="verdicts"' '2 claims that hold, with the numbers' 'id="pictures"' 'role="img"' \
  'id="equations"' '<math display="block">' 'id="tables"' 'Results, a row a case' 'id="again"' \
  'sharpsde run good/recipe.yaml -o good-again' 'micro_batch: [2, 1]'
! grep -qi '<b>there\|<script' good/report.html || fail "text of the recipe is HTML in the page"
! grep -q 'Read this first' good/report.html || fail "a run that went well has something said first"
[ "$(grep -c '<li class="yes"><span class="mark">✓ holds</span>' good/report.html)" -eq \
  "$(grep -c '"holds": true' good/summary.json)" ] || fail "verdicts that hold are not all marked"
# Claims and numbers are those of the summary, typeset; what holds is folded away.
claim=$(sed -n '/"evidence": "[^;]*;/{s/.*"evidence": "\([^;]*\);.*/\1/p;q}' good/summary.json)
[ -n "$claim" ] || fail "no evidence in the summary"
claim=$(sed "s/m=/m$nbsp=$nbsp/; s/ -\([0-9]\)/ −\1/" <<<"$claim")
line good/report.html "$claim" >/dev/null
in_order good/report.html '<p class="sum yes"><span class="mark">✓</span>Both claims hold. Strongest evidence: ' \
  'id="verdicts"' '<details><summary class="yes"><span class="mark">✓</span>2 claims that hold' '✓ holds'
# The strongest evidence is that of the m whose coefficient is farthest from zero, the smaller one.
grep -q "Strongest evidence: m-usam, b$nbsp=${nbsp}4, ρ$nbsp=${nbsp}0.1: the mean direction has the variance term, ∇tr V with coefficient ρ c(m)/2, not half or twice it – m-usam m$nbsp=${nbsp}1: 0\.0[0-9]* \[0\.0[0-9]*, 0\.0[0-9]*\], predicted 0\.05\.</p>" \
  good/report.html || fail "not the sentence of the run: $(grep 'class="sum' good/report.html)"

# A verdict that is turned round is shown so: the page says what the summary says, not what it
# should.
cp -r good turned
sed -i '0,/"holds": true/s//"holds": false/' turned/summary.json
"$program" report turned >said || fail "turned: no report"
[ "$(cat said)" = turned/report.html ] || fail "the page is not named: $(cat said)"
in_order turned/report.html '<p class="sum no"><span class="mark">✗</span>Of 2 claims 1 fails and 1 holds. Strongest evidence against one: ' \
  'id="verdicts"' '✗ fails' '<details><summary class="yes">' '✓ holds'

# The sentence of the run shows the part of the evidence that the verdict rests on, clearer ones that
# say otherwise notwithstanding; a claim that holds does not stand before one that fails.
cp -r good told
sed -i '0,/"evidence": "[^"]*"/s//"evidence": "a: -9.00 [-9.10, -8.90], predicted -9; b: 2.00 [1.90, 2.10], predicted 5 (fails); c: 1.0 [0.5, 1.5] (undecided)"/' \
  told/summary.json
sed -i '0,/"holds": true/s//"holds": false/' told/summary.json
"$program" report told >/dev/null
grep -q "^<p class=\"sum no\">.* – b: 2\.00 \[1\.90, 2\.10\], predicted 5\.</p>" told/report.html ||
  fail "not what fails: $(grep 'class="sum' told/report.html)"
line told/report.html "a: −9.00 [−9.10, −8.90], predicted −9; b: 2.00 [1.90, 2.10], predicted 5 (fails); c:" >/dev/null

# The SDE as it was solved, and rows that were left out.
recipe golden --set paths=40 --set 'sde=[{rho_order: 1}, {rho_order: 1, variance_term: false, eta_order: 2}]'
check_page golden/report.html
in_order golden/report.html 'class="sum yes"' 'id="verdicts"' 'id="pictures"' 'id="picture-1-' \
  'id="picture-2-' 'id="equations"' '>m-usam, SDE 0, 1st order in η, with variance term' \
  '>m-usam, SDE 1, 2nd order in η, no variance term'
# section TEXT: the lines from this heading to the next.
section() {
  awk -v start="$1" 'index($0, start) && /^<h/ {inside = 1; print; next} /^<h/ {inside = 0} inside' \
    golden/report.html
}
section 'm-usam, SDE 0,' >kept
section 'm-usam, SDE 1,' >without
grep -q '<mtext>variance term</mtext>' kept || fail "SDE 0 lacks the term"
! grep -q '<mtext>variance term</mtext>' without || fail "SDE 1 has the term"
grep -q 'the variance term is left out on purpose' without ||
  fail "it is not said that SDE 1 leaves the term out"
# Equations that several SDEs have stand once, under all who have them; how expectations were computed.
grep -q '>usam, SDE 0, 1st order in η, with variance term<' golden/report.html || fail "usam has m-usam's equations"
grep -q "SDE 0 of usam; m-usam m$nbsp=${nbsp}2; m-usam m$nbsp=${nbsp}1: E and Cov are in closed form, from all samples" \
  golden/report.html || fail "it is not said how expectations were computed"
cat >forms.yaml <<'END'
title: Two forms
study: compare
loss: {name: quadratic, data: quadratic4.csv}
start: [1.5, -1.0]
batch: 2
eta: 0.1
rho: 0.1
time: 0.2
optimizers: [{name: n-sam}, {name: sam}, {name: m-sam, micro_batch: 1}]
sde: [{rho_order: 0}, {rho_order: 1, norm: gaussian}, {rho_order: 1, norm: sample, directions: 8}]
paths: 40
END
"$program" run forms.yaml -o forms --quiet || fail "forms did not run"
[ "$(grep -c '^<h3 id="sde-' forms/report.html)" -eq 4 ] || fail "equations are shown more than once: $(grep '^<h3 id' forms/report.html)"
in_order forms/report.html '>n-sam, sam, m-sam, SDE 0, ρ⁰<' '>n-sam, SDE 1, ρ¹; n-sam, SDE 2, ρ¹<' '>sam, SDE 1' \
  '∇E‖g_I‖ is that of a Gaussian closure' '∇E‖g_I‖ is sampled from 8 fresh micro-batches per step' '>m-sam, SDE 1'
rows=$(($(wc -l <golden/series.csv) - 1))
line golden/report.html "Rows 1 to 40 of $rows: $((rows - 40)) rows were left out; all are in <code>series.csv" \
  >/dev/null
grep -q 'SDE 1, 2nd order in η, no variance term' golden/series-1.svg ||
  fail "the legend does not name what differs between the SDEs"

# Divergence and open claims come before everything else.
cat >steep.yaml <<'END'
title: Too large a learning rate
study: compare
loss: {name: valley}
start: [2.5, 0.5]
batch: 2
eta: 0.5
rho: 0.3
time: 20
optimizers: [{name: m-usam, micro_batch: 1}]
sde: {substeps: 4, rho_order: 0, scheme: euler-maruyama}
paths: 60
observables: [loss]
END
status=0
"$program" run steep.yaml -o steep --quiet 2>err || status=$?
[ $status -eq 1 ] || fail "steep: status $status"
check_page steep/report.html
in_order steep/report.html '<h1' 'Read this first' 'The run failed: more paths diverged' \
  'Paths diverged: up to ' 'of 60 paths diverged, the first at time' 'Both claims are undecided' \
  'id="verdicts"' '? undecided'

# Where no path is left there is no mean, and that is said.
sed 's/title: .*/title: None left/; s/eta: .*/eta: 2/; s/rho: .*/rho: 2/; s/paths: .*/paths: 4/' steep.yaml >lost.yaml
"$program" run lost.yaml -o lost --quiet 2>err && fail "lost: it did not fail"
grep -q 'iterates: 4 of 4 paths diverged, the first at time [0-9]*; none survived, so there is no mean' err ||
  fail "lost: $(cat err)"
check_page lost/report.html
in_order lost/report.html 'Paths diverged: up to 4 in a row (compare.csv, series.csv). None survived in 1 of 1 rows of compare.csv, ' \
  'none survived, so there is no mean' 'id="verdicts"'
! grep -qE '[> ]-?nan\b' lost/report.html || fail "lost: there is a nan in the page"

# Paths that have not left.
recipe escape --set paths=12 --set time=20 --set 'optimizers=[{name: sgd}]'
check_page escape/report.html
in_order escape/report.html 'Read this first' 'In one setting ' 'id="verdicts"'

recipe valley-landscape --set time=2
recipe golden-order
recipe converge --set paths=200 --set 'equations=[ornstein-uhlenbeck, geometric]'
for run in valley-landscape golden-order converge; do
  check_page $run/report.html
  grep -q '<svg role="img" aria-label="' $run/report.html || fail "$run: no picture"
done
in_order converge/report.html 'id="equations"' '>ornstein-uhlenbeck</p>' '<mn>0.5</mn>' \
  '>geometric</p>'

# To a tolerance there is no number of paths to tell, nor one scheme for all.
recipe golden-multilevel --set tolerance=5e-3 --set eta=0.1
check_page golden-multilevel/report.html
in_order golden-multilevel/report.html 'Study compare, to a tolerance of 0.005, seed 1, run time' \
  'id="equations"' 'b = 4, η = 0.1, ρ = 0.1: by euler-maruyama to 0.005; steps:paths of the levels'
[ "$(grep -c 'steps:paths of the levels' golden-multilevel/report.html)" -eq \
  $(($(wc -l <golden-multilevel/compare.csv) - 1)) ] || fail "not every case has its levels told"
! grep -qE ',  paths|solved by auto|with 0 substeps' golden-multilevel/report.html ||
  fail "to a tolerance the page tells paths or substeps that are none"

# Without gnuplot a run does not fail, and the report says what is missing; drawn later, the
# pictures stand in the next report.
mkdir bin
PATH=$scratch/bin "$program" run good.yaml -o bare --quiet 2>err || fail "it needs gnuplot: $(cat err)"
in_order bare/report.html 'Read this first' 'no pictures: gnuplot is not found' 'The pictures are missing' \
  'id="verdicts"'
check_page bare/report.html
"$program" plot bare >said
[ "$(tail -n 1 said)" = bare/report.html ] || fail "plot does not renew the report: $(cat said)"
! grep -q 'pictures are missing\|no pictures' bare/report.html || fail "pictures that were drawn later are missing"
grep -q '<svg role' bare/report.html || fail "pictures that were drawn later are not shown"

# A picture that is not gnuplot's does not get into the page.
for evil in '<script>alert(1)</script>' '<g onload="alert(1)"/>' '<image href="http://x/y"/>' \
  '<use xlink:href="http://x/y#z"/>' '<path style="fill:url(http://x/y)"/>' \
  '<path fill="url(http://x/y)"/>' '<g' '<foreignObject/>' '<SCRIPT>alert(1)</SCRIPT>' \
  '<g ONLOAD="alert(1)"/>' '<g OnClick="alert(1)"/>' '<path STYLE="fill:red"/>' \
  '<use HREF="http://x/y"/>' '<use XLINK:HREF="http://x/y#z"/>' '<use href="javascript:alert(1)"/>' \
  '<path fill="URL(http://x/y)"/>' '<path fill="url( http://x/y)"/>' \
  '<path fill="&#117;rl(http://x/y)"/>' '<path fill="u\72l(http://x/y)"/>' \
  '<rect mask="image-set(%s 1x)"/>' '<STYLE>@import url(http://x/y)</STYLE>' \
  "<g id='a\" onload=\"alert(1)'/><use href='#a\" onload=\"alert(1)'/>" '<IMAGE/>' '<Set to="x"/>'; do
  printf '<svg xmlns="http://www.w3.org/2000/svg">%s</svg>' "$evil" >bare/regularizer.svg
  "$program" report bare >/dev/null || fail "refused with $evil"
  check_page bare/report.html
  in_order bare/report.html 'A picture is not shown' 'id="verdicts"'
done

# What is drawing alone is shown, in capitals too, without what a picture does not need.
printf '<svg xmlns="http://www.w3.org/2000/svg" width="9">%s</svg>' \
  '<G FILL="URL(#p)" data-x="1" formaction="x" TabIndex="1"><RECT transform="translate(1,2)"/></G>' \
  >bare/regularizer.svg
"$program" report bare >/dev/null || fail "refused with capitals"
grep -q '<G FILL="URL(#picture-1-p)"><RECT transform="translate(1,2)"/></G></svg>' bare/report.html ||
  fail "capitals: $(grep -A1 '<svg' bare/report.html)"

# Whatever gets in, the page runs and loads nothing.
in_order good/report.html '<meta charset' \
  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">" \
  '<title>'

# Several runs: one table first, and links to each.
"$program" report golden good/ steep converge -o all.html >said
[ "$(cat said)" = all.html ] || fail "not named: $(cat said)"
check_page all.html
in_order all.html '<h1>Comparison of golden, good, steep and converge</h1>' 'Read this first' 'href="#run-3-attention"' \
  'Paths diverged' '<ul class="sentences">' 'href="#run-1-title"' 'class="sum yes"' \
  'href="#run-4-title"' '<table class="runs">' 'Keys that differ' '<h2 id="run-1-title"' '<h2 id="run-2-title"' '<h2 id="run-3-title"' '<h2 id="run-4-title"'
# The keys that differ and nothing else, and the means side by side, a column a run; of runs that have
# one eta each the rows are the same, of other rows there is no table.
cp -r golden other
sed -i 's/^eta: .*/eta: 0.07/; s/^seed: .*/seed: 77/' other/recipe.yaml
"$program" report golden other -o pair.html >said
sed -n '/Keys that differ/,/<\/table>/p' pair.html | tr -d '\n' | sed 's/<tr>/\n&/g' >keys
grep -q '<td>seed</td><td>1</td><td>77</td>' keys || fail "seed does not differ: $(cat keys)"
grep -q '<td>eta</td><td>.*</td><td>0.07</td>' keys || fail "eta does not differ: $(cat keys)"
[ "$(grep -c '<tr>' keys)" -eq 3 ] || fail "not two keys and a head: $(cat keys)"
sed -n '/Means of two runs or more/,/<\/table>/p' pair.html | tr -d '\n' | sed 's/<tr>/\n&/g' >means
grep -qE '<td>m-usam.*loss, iterates</td><td>(.*)</td><td>\1</td>' means || fail "means: $(cat means)"
! grep -q 'Means of two runs or more' all.html || fail "runs without common rows have a table of them"
"$program" report golden good >said
[ "$(cat said)" = report.html ] || fail "several runs: $(cat said)"
check_page report.html

# refused SENTENCE ARGUMENT...: status 2, one line on stderr, nothing on stdout.
refused() {
  local sentence=$1 status=0
  shift
  "$program" report "$@" >said 2>err || status=$?
  [ $status -eq 2 ] || fail "report $*: status $status"
  grep -q "^sharpsde: .*$sentence" err || fail "report $*: $(cat err)"
  [ "$(cat said err | wc -l)" -eq 1 ] || fail "report $*: not one line: $(cat said err)"
}
mkdir empty broken
echo '{' >broken/summary.json
refused 'no directory is named'
refused 'nowhere: No such file' nowhere
refused 'is not a directory' good.yaml
refused 'empty/summary.json: .*the directory of a run' empty
refused 'broken/summary.json:[12]: ' broken
refused 'named twice' good golden ./good
refused 'unknown option -x' -x good
refused 'a value is missing after -o' good -o
refused '-o is given twice' good -o a.html -o b.html
refused 'a directory; accepted is the name of a file' good -o empty
refused 'there is no directory' good -o none/a.html
[ ! -e a.html ] || fail "a refused report was written"
cp -r good cut
echo 'm-usam,2' >>cut/regularizer.csv
refused 'cut/regularizer.csv:5: the row has 2 fields' cut
printf '{"study": "compare", "title": "t", "verdicts": [1]}' >broken/summary.json
refused 'study, title or verdicts' broken

# In a browser: it draws something, and nothing is wider than the window.
browser=$(command -v chromium || true)
if [ -n "$browser" ]; then
  for width in 320 390 1280; do
    # In a frame, for a window of chromium is never narrower than 500 pixels.
    cat >frame.html <<END
<!DOCTYPE html><title>-</title><iframe style="width:${width}px;height:800px;border:0" src="all.html"></iframe>
<script>onload = () => {
  const page = document.querySelector("iframe").contentDocument.documentElement;
  document.title = "width " + page.scrollWidth + " of " + page.clientWidth;
}</script>
END
    timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
      --allow-file-access-from-files --user-data-dir="$scratch/chrome" --window-size=1400,1200 \
      --dump-dom "file://$scratch/frame.html" >dom 2>/dev/null || fail "chromium failed at $width"
    read -r page window < <(sed -n 's|.*<title>width \([0-9]*\) of \([0-9]*\)</title>.*|\1 \2|p' dom) || true
    [ -n "${window:-}" ] || fail "no page of width $width: $(head -c 300 dom)"
    ((window <= width && window >= width - 20)) || fail "a frame of $width is $window wide"
    [ "$page" -le "$window" ] || fail "at $width the page is $page wide in a window of $window"
    timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
      --user-data-dir="$scratch/chrome" --window-size=$width,1200 --screenshot=page-$width.png \
      "file://$scratch/all.html" >/dev/null 2>&1 || fail "chromium failed at $width"
    [ "$(wc -c <page-$width.png)" -gt 20000 ] || fail "at $width nothing is drawn"
  done
else
  echo "skipped: no chromium, so reports were not seen in a browser; make deps CHECK=1"
fi
echo "reports are whole, safe and say first what went wrong; none is wider than 320, 390 or 1280 pixels"
