#!/usr/bin/env bash
# Where results go: an existing directory is not touched without --force, which replaces the run in
# it and nothing else; where nothing can be written that is one clear line, before anything is run.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT

cat >recipe.yaml <<END
study: compare
loss: {name: valley}
eta: [0.1, 0.05]
time: 1
optimizers: [{name: sgd}]
sde: {substeps: 2}
paths: 100
END
# Nobody waits for this one.
{ cat recipe.yaml; echo "records: 1"; } | sed 's/^paths: .*/paths: 1e11/' >endless.yaml

# Names, times of change and contents of all files under a directory.
state_of() {
  (cd "$1" && find . -printf '%p %s %T@\n' | sort && find . -type f -exec sha256sum {} + | sort)
}

user=() # who runs it, where it is another
# refused STATUSES DIRECTORY ARGUMENT...: the run is refused at once with one line on stderr.
refused() {
  local accepted=$1 directory=$2 status=0
  shift 2
  timeout 60 "${user[@]}" "$program" run endless.yaml -o "$directory" "$@" >said 2>err || status=$?
  [[ $accepted == *$status* ]] || fail "-o $directory: status $status, not $accepted: $(cat err)"
  [ "$(wc -l <err)" -eq 1 ] || fail "-o $directory: not one line: $(cat err)"
  grep -q "^sharpsde: ${directory%%/below*}" err || fail "-o $directory: it is not named in: $(cat err)"
  [ ! -s said ] || fail "-o $directory: on stdout: $(cat said)"
}

"$program" run recipe.yaml -o run >said 2>err || fail "the first run failed: $(cat err)"
[ ! -s err ] || fail "the first run says $(cat err)"
for file in series-1.svg series-1.png series-2.svg series-2.png series.csv differences.csv compare.csv \
  summary.json recipe.yaml run.json report.html; do
  [ -s run/$file ] || fail "$file is missing after the first run"
done
[ "$(find run | wc -l)" -eq 12 ] || fail "unexpected files: $(ls -A run)"

# Without --force.
state_of run >before
refused 2 run
grep -q -e --force err || fail "the refusal does not name --force: $(cat err)"
state_of run | cmp -s before - || fail "a refused run has touched the directory"
mkdir notes
echo mine >notes/mine
refused 2 notes
[ "$(ls -A notes)" = mine ] || fail "a refused run has written to a directory of the user's"

# With --force: one picture now, where there were two.
echo mine >run/mine.txt
mkdir run/mine
echo mine >run/mine/series-1.svg
"$program" run recipe.yaml -o run --force --set eta=0.1 --set study=trajectory >said 2>err ||
  fail "--force failed: $(cat err)"
[ "$(cat run/mine.txt run/mine/series-1.svg)" = "mine"$'\n'"mine" ] || fail "a user's file has gone"
for file in series-1.svg series-1.png series-2.svg series-2.png differences.csv; do
  [ ! -e run/$file ] || fail "--force has left $file of the earlier run"
done
for file in series.svg series.png series.csv trajectory.csv summary.json recipe.yaml run.json \
  report.html; do
  [ -s run/$file ] || fail "$file is missing after --force"
done
grep -q '"study": "trajectory"' run/summary.json || fail "summary.json is not that of the last run"

# A recipe that is wrong touches nothing, --force or not.
state_of run >before
for wrong in batch=0 eta=0.3 'optimizers=[{name: m-usam, micro_batch: 3}]'; do
  status=0
  "$program" run recipe.yaml -o run --force --set "$wrong" >said 2>err || status=$?
  [ $status -eq 2 ] || fail "--set $wrong: status $status"
  state_of run | cmp -s before - || fail "--set $wrong has touched the directory"
  "$program" run recipe.yaml -o fresh --set "$wrong" >said 2>err || status=$?
  [ ! -e fresh ] || fail "--set $wrong has made a directory"
done

# An empty directory is used, also where a killed run has left its own things in it, and a volume
# its lost+found; folders are made.
mkdir empty killed killed/.sharpsde.new killed/.plot-abcDE0 killed/lost+found
touch killed/.sharpsde.lock killed/.sharpsde.new/series.csv killed/.plot-abcDE0/series.svg
for directory in empty killed; do
  "$program" run recipe.yaml -o $directory >said 2>err || fail "$directory: $(cat err)"
  [ -s $directory/summary.json ] || fail "$directory has no summary.json"
  [ -z "$(ls -d $directory/.[!.]* 2>/dev/null)" ] || fail "$directory holds $(ls -A $directory)"
done
for file in .hidden data.csv; do
  mkdir "with$file"
  touch "with$file/$file"
  refused 2 "with$file"
  grep -q 'is not empty' err || fail "a directory with $file: $(cat err)"
done
"$program" run recipe.yaml -o a/b/c/ >said 2>err || fail "a/b/c/: $(cat err)"
[ -s a/b/c/summary.json ] || fail "a/b/c/ has no summary.json"
"$program" run recipe.yaml >said 2>err || fail "no -o: $(cat err)"
[ -s out/recipe/summary.json ] || fail "without -o: no out/recipe"

# -o new/.. is the directory above, which is there.
refused 2 new/..
[ ! -e new ] || fail "-o new/.. has left new"

# What a run reads it does not write over, however the file and its folder are named, --force or
# not; a file of another name may lie among its results.
cat >data.yaml <<END
study: compare
loss: {name: linear-regression, data: DATA, target: y}
eta: 0.1
time: 0.2
batch: 1
optimizers: [{name: sgd}]
sde: {substeps: 2}
paths: 20
END
mkdir own
ln -s own linked
# spared FILE DIRECTORY RECIPE: it and all else in the directory stay as they are.
spared() {
  local status=0
  state_of own >before
  "$program" run "$3" -o "$2" --force >said 2>err || status=$?
  [ $status -eq 2 ] || fail "$1 read, -o $2: status $status: $(cat err)"
  [ "$(wc -l <err)" -eq 1 ] || fail "$1 read, -o $2: not one line: $(cat err)"
  grep -q "^sharpsde: .*: the run reads this file" err || fail "$1 read, -o $2: $(cat err)"
  state_of own | sed 's/^\. .*//' | cmp -s - <(sed 's/^\. .*//' before) || fail "$1 read, -o $2: changed"
}
for name in series.csv compare.csv summary.json paths.csv report.html picture.png; do
  printf 'a,b,y\n1,2,3\n4,5,6\n2,2,1\n' >own/$name
  sed "s|DATA|own/$name|" data.yaml >r.yaml
  for directory in own ./own/ linked own/../own "$PWD/own"; do
    spared own/$name "$directory" r.yaml
  done
  sed "s|DATA|linked/$name|" data.yaml >r.yaml
  spared linked/$name own r.yaml
  ln -sf own/$name elsewhere.csv
  sed "s|DATA|elsewhere.csv|" data.yaml >r.yaml
  spared elsewhere.csv own r.yaml
  rm own/$name
done
printf 'a,b,y\n1,2,3\n4,5,6\n2,2,1\n' >own/mine.csv
sed "s|DATA|own/mine.csv|" data.yaml >own/mine.yaml
"$program" run own/mine.yaml -o own --force >said 2>err || fail "own/mine.yaml: $(cat err)"
[ "$(head -n 1 own/mine.csv)" = a,b,y ] || fail "own/mine.csv has changed"
spared own/recipe.yaml own own/recipe.yaml
# A file that the run before left, whatever its name.
sed -i 's|"summary.json",|"summary.json", "mine.csv",|' own/run.json
spared own/mine.csv own own/mine.yaml

# A folder of the user's with the name of a file of ours: nothing is moved.
mkdir -p blocked/series.csv
touch blocked/series.csv/mine
status=0
"$program" run recipe.yaml -o blocked --force >said 2>err || status=$?
[ $status -eq 1 ] || fail "a folder series.csv: status $status"
grep -q 'blocked/series.csv: is a directory' err || fail "a folder series.csv: $(cat err)"
[ "$(find blocked | sort | tr '\n' ' ')" = "blocked blocked/series.csv blocked/series.csv/mine " ] ||
  fail "a folder series.csv: $(find blocked)"

# Nowhere to write.
ln -s nowhere dangling
ln -s round round
for directory in dangling dangling/below round; do
  refused 2 $directory
  refused 2 $directory --force
done
"$program" run recipe.yaml -o dangling >said 2>err || true
grep -q 'dangling: is a link to nowhere' err || fail "a dangling link: $(cat err)"
refused 2 "$(printf 'x%.0s' {1..300})"
echo text >file
refused 2 file
refused 2 file --force
refused 2 file/below
refused 2 file/below/further --force
[ "$(cat file)" = text ] || fail "the file in place of the directory has changed"
refused 12 /proc/sharpsde
mkdir locked
chmod 555 locked
# Nothing is locked for root, who becomes nobody.
if [ "$(id -u)" -eq 0 ]; then
  user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chmod 755 .
  install "$program" .
  program=./${program##*/}
fi
if "${user[@]}" "$program" --version >/dev/null 2>&1; then
  refused 12 locked
  refused 12 locked/below
else
  echo "skipped: root cannot become nobody, so locked folders are not tested; run it as a user"
fi
user=()
[ -z "$(ls -A locked)" ] || fail "locked holds $(ls -A locked)"
status=0
"$program" run recipe.yaml -o '' >said 2>err || status=$?
[ $status -eq 2 ] || fail "-o '': status $status: $(cat err)"
[ "$(wc -l <err)" -eq 1 ] || fail "-o '': not one line: $(cat err)"
echo "directories are refused, made and replaced as promised"
