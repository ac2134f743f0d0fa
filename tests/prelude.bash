# What most shell tests begin with: the tree, the program, a scratch folder that becomes the current
# one and is removed at the end, and how a test fails.
# shellcheck shell=bash disable=SC2034 # who sources it uses them
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(realpath "${SHARPSDE:-$root/build/sharpsde}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() {
  echo "$*"
  exit 1
}

# Is a program built with the address sanitizer? grep reads to the end, or nm would die of a pipe.
is_sanitized() { nm "$1" | grep __asan >/dev/null; }
