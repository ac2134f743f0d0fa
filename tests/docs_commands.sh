#!/usr/bin/env bash
# What README.md, CONTRIBUTING.md and docs/ show is run, page by page in one scratch folder with the
# project's files: each line of an sh block, each bash, python, r and julia block as a script, and
# yaml blocks by `sharpsde check`. Lines of make, in running text too, must name targets. A comment
# before a block says what is not run: <!-- not run: git clone -->, <!-- checked, not run: 50 s -->.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${SHARPSDE:-$root/build/sharpsde}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/build"
ln -s "$program" "$(dirname "$program")/tests" "$scratch/build"
ln -s "$root"/{data,experiments,plots,sde,models,tests} "$root/examples/plugin_loss/rosenbrock.c" "$scratch"
cd "$scratch"
export PYTHONPATH=$root/python SHARPSDE=$program PYTHONDONTWRITEBYTECODE=1

fail() {
  echo "$page: $*"
  exit 1
}

# Each fenced block of a page as a file of its language, 001.sh, with its comment beside it.
blocks_of() {
  rm -rf blocks
  mkdir blocks
  awk '/^<!-- (checked, )?not run: .* -->$/ { comment = $0; next }
    /^ *(```|~~~)/ && file == "" {
      language = $0
      gsub(/^ *(```|~~~) *| *$/, "", language)
      file = sprintf("blocks/%03d.%s", ++count, language == "" ? "none" : language)
      printf "" > file
      if (comment != "") print comment > (file "-comment")
      comment = ""
      next
    }
    /^ *(```|~~~) *$/ { close(file); file = ""; next }
    file != "" { print > file; next }
    comment != "" { print "nothing to run after: " comment > "blocks/000.comment" }' "$1"
}

# Is nothing run of this line? What is left out here is run by another test, which reads the page,
# or is a clone.
is_exempt() {
  local line=$1 comment=$2 word test
  word=$(sed -n 's/^<!-- not run: \(.*\) -->$/\1/p' <<<"$comment")
  [[ -n $word && $line == "$word "* ]] || return 1
  case $word in
  'git clone') return 0 ;;
  mpirun) test=run_mpi.sh ;;
  cc) test=run_install.sh ;;
  *) fail "'$word' may not be left out" ;;
  esac
  grep -qF "${page#"$root/"}" "$root/tests/$test" || fail "$test does not run '$word'"
}

# For whole lines: make says what it would do, here as everywhere.
make() { command make -n --no-print-directory -C "$MAKE_ROOT" B=none "$@"; }
export -f make
export MAKE_ROOT=$root

# did WHAT COMMAND...: counts it, where it goes well.
did() {
  local what=$1
  shift
  "$@" >output 2>&1 </dev/null || fail "this failed: $what: $(tail -n 20 output)"
  ran=$((ran + 1))
}

# `sharpsde check` instead of a run, with the same recipe and overrides.
checked() {
  local words=() kept i
  eval "words=($1)"
  kept=(check "${words[2]}")
  for ((i = 3; i < ${#words[@]}; i++)); do
    [ "${words[i]}" != --set ] || kept+=(--set "${words[i + 1]}")
  done
  build/sharpsde "${kept[@]}"
}

run_lines() {
  local line comment=$2 used=no
  while IFS= read -r line; do
    case $line in '' | '#'*) continue ;; esac
    if is_exempt "$line" "$comment"; then
      used=yes
    elif [[ $comment == *checked,* && $line == "build/sharpsde run "* ]]; then
      used=yes
      did "$line" checked "$line"
    else
      did "$line" bash -c "$line"
    fi
  done <"$1"
  [ -z "$comment" ] || [ $used = yes ] || fail "nothing is left out by $comment"
}

# A recipe, or some keys of one: the rest is added.
check_yaml() {
  local key
  cp "$1" block.yaml
  while IFS= read -r key; do
    grep -q "^${key%%:*}:" "$1" || echo "$key" >>block.yaml
  done <<'KEYS'
study: trajectory
loss: {name: valley}
eta: 0.01
time: 1
optimizers: [{name: sgd}]
paths: 100
KEYS
  did "the yaml: $(cat "$1")" build/sharpsde check block.yaml
}

# The first Python here that has these modules.
python_with() {
  local python module import=''
  for module in "$@"; do
    import+="import $module;"
  done
  for python in python3 /usr/bin/python3; do
    ! "$python" -c "$import" 2>/dev/null || { echo "$python"; return; }
  done
  return 1
}

# can LANGUAGE MODULE...: has this machine got what the block asks for? Sets `with`.
can() {
  local language=$1 module
  shift
  case $language in
  python)
    [[ " $* " != *' xarray '* ]] || set -- "$@" netCDF4 matplotlib # which it loads by itself
    python=$(python_with "$@") && with=("$python")
    ;;
  r)
    with=(Rscript --vanilla)
    "${with[@]}" -e "$(printf 'library(%s);' stats "$@")"
    ;;
  julia)
    with=(julia)
    julia -e "$(printf 'using %s;' Base "$@")"
    ;;
  esac >/dev/null 2>&1
}

run_script() {
  local file=$1 language=$2 modules with python help='make deps CHECK=1'
  read -ra modules <<<"$(sed -n 's/ as .*//; s/^ *\(import\|using\) \([^#]*\).*/\2/p
    s/^library(\(.*\)).*/\1/p' "$file" | tr ',\n' '  ')"
  if can "$language" "${modules[@]}"; then
    did "the $language: $(cat "$file")" env MPLBACKEND=Agg "${with[@]}" "$file"
  else
    [ "$language" != julia ] || help='install it from julialang.org, these by its Pkg'
    echo "skipped: no $language with ${modules[*]:-itself}, so it is not run in ${page#"$root/"}; $help"
  fi
}

check_page() {
  local file comment language command
  page=$1
  blocks_of "$page"
  for file in blocks/*; do
    comment=$(cat "$file-comment" 2>/dev/null || true)
    language=${file##*.}
    [[ -e $file && $language != *-comment ]] || continue
    case $language in
    sh) run_lines "$file" "$comment" ;;
    yaml) check_yaml "$file" ;;
    python | r | julia) run_script "$file" "$language" ;;
    bash)
      did "the script's syntax" bash -n "$file"
      [ "$comment" = '<!-- not run: sbatch -->' ] || did "$(cat "$file")" bash "$file"
      ;;
    *) fail "a block of language '$language', which is not run: $(cat "$file")" ;;
    esac
  done
  # Of running text, `make ...`, over line ends too.
  # shellcheck disable=SC2016
  while IFS= read -r command; do
    [ -z "$command" ] || did "$command" bash -c "$command"
  done < <(awk '/^ *(```|~~~)/ {inside = !inside; next} !inside' "$page" | tr '\n' ' ' |
    grep -oE '`make( [^`]*)?`' | tr -d '`' | sort -u)
}

# refused WHAT WORDS: the page twin.md does not pass, and these words are said.
refused() {
  ! (check_page twin.md) >said 2>&1 || { echo "$1 is not noticed"; exit 1; }
  grep -qF -- "$2" said || { echo "$1: not '$2' but $(cat said)"; exit 1; }
}
twin() { printf '%s\n' "$@" >twin.md; }
ran=0
twin 'text' '```sh' 'make help-nobody' '```'; refused "a wrong target" help-nobody
twin 'text with `make' 'nonsense`'; refused "a wrong target in text" nonsense
twin '```sh' 'true' 'build/sharpsde list nothing' '```'; refused "a wrong command" 'list nothing'
twin '```sh' 'git clone x' '```'; refused "a clone that is not marked" 'git clone x'
twin '<!-- not run: false -->' '```sh' 'false it' '```'; refused "a wrong exemption" 'may not'
twin '<!-- not run: git clone -->' '```sh' 'true' '```'; refused "an idle exemption" 'left out by'
twin '<!-- not run: git clone -->' 'text' '```sh' 'true' '```'; refused "a stray exemption" 'nothing to'
twin '```' 'true' '```'; refused "a block without a language" "'none'"
twin '```fortran' 'end' '```'; refused "an unknown language" "'fortran'"
twin '```yaml' 'los: {name: valley}' '```'; refused "a wrong recipe" "'los'"
twin '<!-- not run: sbatch -->' '```bash' 'if' '```'; refused "a script's syntax" "syntax"
twin '```bash' 'false' '```'; refused "a script that fails" "false"
twin '<!-- checked, not run: 9 s -->' '```sh' \
  'build/sharpsde run experiments/recipes/golden.yaml -o out/x --set eta=9 --force' '```'
refused "a wrong override" "eta"
if python_with >/dev/null; then
  twin '```python' 'import sys' 'import os.path as path' 'sys.exit(4)' '```'
  refused "python that fails" 'sys.exit'
fi
if command -v Rscript >/dev/null; then
  twin '```r' 'stop("here")' '```'; refused "R that fails" 'stop('
fi
rm -rf out

ran=0
for each in "$root"/{README,CONTRIBUTING}.md "$root"/docs/*.md; do
  check_page "$each"
done
[ "$ran" -ge 60 ] || { echo "only $ran commands and blocks were found"; exit 1; }
echo "$ran commands and blocks of README.md, CONTRIBUTING.md and docs/ ran"
