#!/usr/bin/env bash
# Each header compiles alone, and twice in one file, with the developer warnings as errors; those of
# the library also in C++, inside extern "C", where there is a compiler (CXX, default g++). COMPILE is
# the C compiler with its flags. Bodies of kernels (*_kernel.h) are completed by the file that includes
# them and are left out. With --self-test: shows that each kind of mistake is noticed.
set -euo pipefail
shopt -s nullglob

default="${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -fopenmp -I."
read -ra compile <<<"${COMPILE:-$default}"
compile+=(-Wall -Wextra -Wmissing-prototypes -Wshadow -Wvla -Werror -fsyntax-only -x c -)

# The same for C++, with the same folders and packages.
read -ra compile_cxx <<<"${CXX:-g++} -std=c++17 -fopenmp"
for flag in "${compile[@]}"; do
  [[ $flag != -[ID]* ]] || compile_cxx+=("$flag")
done
compile_cxx+=(-Wall -Wextra -Werror -fsyntax-only -x c++ -)

# Headers of the tree in the current folder that do not compile, with the compiler's reasons.
check() {
  local header status=0
  for header in {sde,models,analysis,experiments/*,tests,bench}/*.h; do
    [[ $header == *_kernel.h ]] || printf '#include "%s"\n' "$header" "$header" |
      "${compile[@]}" || { echo "$header does not compile alone"; status=1; }
  done
  command -v "${compile_cxx[0]}" >/dev/null || return $status
  for header in {sde,models,analysis}/*.h; do
    [[ $header == *_kernel.h ]] || printf 'extern "C" {\n#include "%s"\n}\n' "$header" |
      "${compile_cxx[@]}" || { echo "$header does not compile in C++"; status=1; }
  done
  return $status
}

# expect pass|fail TEXT: a tree with this one header is accepted or not.
expect() {
  local tree found=pass
  tree=$(mktemp -d)
  mkdir "$tree/sde"
  printf '%b' "$2" >"$tree/sde/a.h"
  (cd "$tree" && check) >/dev/null 2>&1 || found=fail
  rm -r "$tree"
  [ "$found" = "$1" ] || { echo "check_headers: $2: $found, not $1"; exit 1; }
}

self_test() {
  local cxx
  expect pass '#ifndef A\n#define A\n#include <stddef.h>\nsize_t f(void);\n#endif\n'
  expect fail '#ifndef A\n#define A\nsize_t f(void);\n#endif\n'
  expect fail '#ifndef A\n#define A\nint f(void) { return 0; }\n#endif\n'
  expect fail 'struct without_guard { int a; };\n'
  command -v "${compile_cxx[0]}" >/dev/null && cxx=fail
  expect "${cxx:-pass}" '#ifndef A\n#define A\nint f(int class);\n#endif\n'
  expect "${cxx:-pass}" '#ifndef A\n#define A\n_Noreturn void f(void);\n#endif\n'
  echo "check_headers: notices what it should"
}

cd "$(dirname "$0")/.."
if [ "${1:-}" = --self-test ]; then
  self_test
  exit
fi
check
command -v "${compile_cxx[0]}" >/dev/null ||
  echo "skipped: no ${compile_cxx[0]}, so the library's headers are not tested in C++; make deps CHECK=1"
echo "each header compiles alone"
