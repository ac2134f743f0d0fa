#!/usr/bin/env bash
# A disk that fills up, at every stage of writing: status 1 and one sentence, whole files or none,
# and no temporary files. The disk is a limit on the size of files, and a small tmpfs where one may
# be mounted.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
mounted=
trap '[ -z "$mounted" ] || umount "$scratch/disk"; rm -rf "$scratch"' EXIT

cat >recipe.yaml <<END
title: $(printf 'a long title %.0s' {1..30})
study: compare
loss: {name: valley}
eta: [0.1, 0.05]
time: 4
optimizers: [{name: sgd}]
sde: {substeps: 2}
observables: [loss, noise-trace, x1]
paths: 100
END
"$program" run recipe.yaml -o whole >out 2>err || fail "without a limit: $(cat err)"

# Are all files that stand in a directory whole?
check_whole() {
  local directory=$1 what=$2 file
  [ -z "$(find "$directory" -mindepth 1 -name '.*')" ] ||
    fail "$what: left behind: $(find "$directory" -mindepth 1 -name '.*')"
  for file in "$directory"/*; do
    case $file in
    *.csv | *.yaml | */summary.json)
      cmp -s "$file" "whole/${file##*/}" || fail "$what: ${file##*/} is not what it should be" ;;
    *.svg) [ "$(tail -c 7 "$file")" = "</svg>" ] || tail -n 2 "$file" | grep -q '</svg>' ||
      fail "$what: ${file##*/} is cut short" ;;
    *.png) tail -c 8 "$file" | grep -qa IEND || fail "$what: ${file##*/} is cut short" ;;
    */run.json) [ "$(tail -n 1 "$file")" = "}" ] || fail "$what: run.json is cut short" ;;
    */report.html) [ "$(tail -n 1 "$file")" = "</html>" ] || fail "$what: report.html is cut short" ;;
    "$directory/*") ;; # nothing was written
    *) fail "$what: unexpected ${file##*/}" ;;
    esac
  done
}

# check_run STATUS DIRECTORY WHAT: what a run has said, in `err`, and left.
check_run() {
  local status=$1 directory=$2 what=$3
  if [ "$status" -eq 0 ]; then
    [ -s "$directory/summary.json" ] || fail "$what: status 0 without summary.json"
    [ -s "$directory/run.json" ] || fail "$what: status 0 without run.json"
    [ -s "$directory/report.html" ] || fail "$what: status 0 without report.html"
    [ -s "$directory/series-2.png" ] || grep -q 'no pictures' err ||
      fail "$what: no pictures, and no word of it: $(cat err)"
  else
    [ "$status" -eq 1 ] || fail "$what: status $status: $(cat err)"
    [ "$(grep -c . err)" -eq 1 ] || fail "$what: not one sentence: $(cat err)"
    grep -qE '^sharpsde: .*(File too large|No space left on device|is the disk full)' err ||
      fail "$what: not a clear sentence: $(cat err)"
  fi
  [ ! -d "$directory" ] || check_whole "$directory" "$what"
}

# Files of at most so many KiB, from fewer than any file needs to enough for all.
failed=0
for limit in 0 1 2 4 8 16 32 64 128 256 1024; do
  status=0
  # What it says goes through a pipe, which has no limit.
  (
    ulimit -f $limit
    exec "$program" run recipe.yaml -o limited
  ) 2>&1 >/dev/null | cat >err || status=$?
  failed=$((failed + status))
  check_run "$status" limited "files of at most $limit KiB"
  rm -rf limited
done
[ "$failed" -ge 4 ] || fail "only $failed limits made a run fail"
[ "$status" -eq 0 ] || fail "1024 KiB are not enough: $(cat err)"

# Another run is to be replaced: until the new one is whole, the old one is.
"$program" run recipe.yaml -o before --seed 2 >out 2>err || fail "with another seed: $(cat err)"
cmp -s before/series.csv whole/series.csv && fail "this test tests nothing: the seed does not count"
# check_replaced STATUS DIRECTORY WHAT: all results are those of the one or of the other.
check_replaced() {
  local status=$1 directory=$2 what=$3 one=whole file
  cmp -s "$directory/summary.json" before/summary.json && one=before
  for file in recipe.yaml summary.json series.csv differences.csv compare.csv; do
    cmp "$directory/$file" $one/$file || fail "$what: $file is not of the run $one"
  done
  [ "$(tail -n 1 "$directory/run.json")" = "}" ] || fail "$what: no run.json"
  if [ $one = before ]; then
    [ "$status" -eq 1 ] || fail "$what: status $status, and the run before stays"
    diff -rq "$directory" before >difference || fail "$what: of the run before: $(cat difference)"
  fi
  [ -z "$(find "$directory" -mindepth 1 -name '.*')" ] || fail "$what: left behind: $(ls -A "$directory")"
  echo $one >>replaced
}
for limit in 0 1 2 4 8 16 32 64 128 1024; do
  status=0
  rm -rf limited
  cp -r before limited
  (
    ulimit -f $limit
    exec "$program" run recipe.yaml -o limited --force
  ) 2>&1 >/dev/null | cat >err || status=$?
  check_replaced "$status" limited "to replace a run with files of at most $limit KiB"
done
[ "$(sort replaced | uniq -c | awk '$1 > 1 {print $2}' | tr '\n' ' ')" = "before whole " ] ||
  fail "not both: $(sort replaced | uniq -c)"

mkdir disk
if mount -t tmpfs -o size=64k sharpsde-test disk 2>/dev/null; then
  mounted=yes
  failed=0
  for pages in $(seq 16 -1 0); do
    rm -rf disk/*
    head -c $((4096 * (16 - pages))) /dev/zero >disk/filling
    status=0
    mkdir -p disk/run 2>/dev/null || true
    "$program" run recipe.yaml -o disk/run --force >out 2>err || status=$?
    failed=$((failed + status))
    check_run "$status" disk/run "a disk with $pages pages left"
  done
  [ "$failed" -ge 4 ] || fail "only $failed sizes of disk made a run fail"
  mount -o remount,size=2m disk
  for pages in $(seq 0 4 100); do
    rm -rf disk/*
    cp -r before disk/run
    head -c 2M /dev/zero >disk/filling 2>/dev/null || true
    truncate -s -$((4096 * pages)) disk/filling
    status=0
    "$program" run recipe.yaml -o disk/run --force >out 2>err || status=$?
    check_replaced "$status" disk/run "to replace a run on a disk with $pages pages left"
  done
else
  echo "skipped: no tmpfs may be mounted, so only limits on files are tested; sudo $0"
fi
echo "full disks leave whole files or none"
