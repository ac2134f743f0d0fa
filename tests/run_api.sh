#!/usr/bin/env bash
# Every function, structure, enumeration and macro of the library's headers has a comment that
# Doxygen finds, and Doxygen has no warning. Without doxygen nothing is tested.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
command -v doxygen >/dev/null ||
  { echo "skipped: no doxygen, so the library's reference is not tested; make deps CHECK=1"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir -p docs sde models analysis
cp "$root"/docs/{Doxyfile,doxygen.awk,api.dox} docs
cp "$root"/sde/*.h sde
cp "$root"/models/*.h models
cp "$root"/analysis/*.h analysis
export API_OUTPUT=$scratch/api

fail() {
  echo "$*"
  exit 1
}

doxygen docs/Doxyfile >said 2>&1 || fail "doxygen: $(cat said)"
[ ! -s said ] || fail "doxygen says: $(cat said)"

# Comments arrive where they belong: a function's, one that two functions share, a member's, and of
# two members in one declaration each.
page() { sed -e 's/<[^>]*>//g' -e 's/&#160;/ /g' -e 's/&quot;/"/g' "api/html/$1.html" | tr '\n' ' '; }
page status_8h | grep -qF 'bytes, zeroed and aligned to 64; never NULL' || fail "sde_alloc has no comment"
[ "$(page scheme_8h | grep -oF 'standard normals (or as many random' | wc -l)" -ge 2 ] ||
  fail "sde_scheme_normals does not share the comment of sde_scheme_evaluations"
page structsde__ensemble | grep -qF 'keep the observables of this many paths' || fail "no member's comment"
[ "$(page structsde__moments | grep -oE 'double *(n|mean|m2) ' | sort -u | wc -l)" -eq 3 ] ||
  fail "members of one declaration are not each there"
page process_8h | grep -qF 'Release what sde_solution_process_new() gave' ||
  fail "sde_solution_process_free is not said to release"

# Twins: one header, alone, with a comment left out.
warns() {
  rm -rf sde/* models/* analysis/*
  sed "$2" "$root/sde/$1" >"sde/$1"
  ! cmp -s "$root/sde/$1" "sde/$1" || fail "$2 changes nothing"
  ! doxygen docs/Doxyfile >said 2>&1 || fail "$2: doxygen is content"
  grep -qF "$3" said || fail "$2: no warning of $3 but $(cat said)"
}
warns linear.h '/^\/\* Release a map/d' 'sde_linear_map_free'
warns system.h '/^\/\* An equation, by its/d' 'sde_system is not documented'
echo "the reference has every function, and Doxygen no warning"
