#!/usr/bin/env bash
# Run every command shown in README.md and docs/: each line of a ```sh block, in order, in one
# scratch folder with the project's files. Exempt are lines of `git clone`, `cd sharpsde` and of
# make, which would run this test again or install things.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
program=${SHARPSDE:-$root/build/sharpsde}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/build"
ln -s "$program" "$scratch/build/sharpsde"
for folder in data experiments plots; do
  ln -s "$root/$folder" "$scratch/$folder"
done

commands_of() {
  awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$1" |
    grep -vE '^(git clone|cd sharpsde|make)\b|^#|^$' || true
}

ran=0
cd "$scratch"
for page in "$root"/README.md "$root"/docs/*.md; do
  while IFS= read -r command; do
    if ! bash -c "$command" >output 2>&1 </dev/null; then
      echo "$page: this command failed: $command"
      cat output
      exit 1
    fi
    ran=$((ran + 1))
  done < <(commands_of "$page")
done
[ "$ran" -ge 8 ] || { echo "only $ran commands were found"; exit 1; }
echo "$ran commands of README.md and docs/ ran"
