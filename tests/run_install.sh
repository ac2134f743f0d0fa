#!/usr/bin/env bash
# The library for C programs of others: what `make install` stages is a shared and a static library
# with their headers; the examples, built against that copy alone with the command that stands in
# them, give the exact numbers; and `make uninstall` leaves no file.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"
stage=$scratch/stage

# With the flags of the build that is tested: nothing is built anew where make passes them on.
make_stage() {
  make --no-print-directory -C "$root" "$1" B="$(dirname "$program")" DESTDIR="$stage" >said 2>&1 ||
    fail "make $1: $(cat said)"
}

make_stage install
pc=$(find "$stage" -name sharpsde.pc)
[ -n "$pc" ] || fail "no sharpsde.pc"
prefix=$(realpath "$(dirname "$pc")/../..")
export PKG_CONFIG_PATH=${pc%/*}${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
# The stage is not where the library will live.
of_package() { pkg-config --define-variable=prefix="$prefix" "$@" sharpsde; }
[ "$(of_package --modversion)" = "$("$program" --version | cut -d ' ' -f 2)" ] ||
  fail "sharpsde.pc is of another version"

library=$prefix/lib
version=$(of_package --modversion)
soname=libsharpsde.so.${version%%.*}
[ -f "$library/libsharpsde.so.$version" ] || fail "no libsharpsde.so.$version"
for name in "$soname" libsharpsde.so; do
  [ "$(realpath "$library/$name")" = "$library/libsharpsde.so.$version" ] || fail "no link $name"
done
readelf -d "$library/libsharpsde.so" | grep -qF "soname: [$soname]" || fail "soname is not $soname"

for file in man/man1/sharpsde.1 bash-completion/completions/sharpsde zsh/site-functions/_sharpsde; do
  [ -s "$prefix/share/$file" ] || fail "no share/$file"
done

read -ra compile <<<"${CC:-cc} ${CFLAGS:-}"
read -ra include <<<"$(of_package --cflags)"
(cd "$prefix/include/sharpsde" && find . -name '*.h' -printf '#include "%P"\n' | sort) >headers.c
[ "$(wc -l <headers.c)" -ge 30 ] || fail "few headers: $(cat headers.c)"
"${compile[@]}" -std=c11 -Wall -Werror "${include[@]}" -fsyntax-only headers.c ||
  fail "an installed header does not compile"
if command -v g++ >/dev/null; then
  { echo 'extern "C" {'; cat headers.c; echo '}'; } >headers.cc
  g++ -std=c++17 -Wall -Werror "${include[@]}" -fsyntax-only headers.cc ||
    fail "an installed header does not compile in C++"
fi

# build EXAMPLE shared|static OUT: by the line ` *   cc ...` of the example, from the installed copy.
build() {
  local source=$prefix/share/sharpsde/examples/$1.c line libs
  line=$(sed -n 's/^ \*   cc //p' "$source")
  [[ $line == "-O2 -o $1 $1.c \$(pkg-config --cflags --libs sharpsde) -lm" ]] ||
    fail "$1 is not built as tested: cc $line"
  libs=$(of_package --libs)
  [ "$2" = shared ] || libs=$(of_package --libs --static | sed 's/-lsharpsde/-l:libsharpsde.a/')
  read -ra libs <<<"$libs"
  "${compile[@]}" -O2 -o "$3" "$source" "${include[@]}" "${libs[@]}" -lm || fail "$1, $2: not built"
}

# Lines "... mean M se S exact E": M is within 4 standard errors of E (one in 16000 is not), the
# error is below 0.02, and there are as many lines as expected.
agrees() {
  awk -v lines="$2" '{
      for (i = 1; i < NF; i++) number[$i] = $(i + 1)
      away = (number["mean"] - number["exact"]) / number["se"]
      if (!(number["se"] > 0 && number["se"] < 0.02 && away * away < 16)) { print; bad = 1 }
    }
    END { exit bad || NR != lines }' "$1"
}

for example in own_loss=1 own_sde=6 own_observable=3 own_analysis=4; do
  name=${example%=*}
  build "$name" shared "$name.shared"
  build "$name" static "$name.static"
  readelf -d "$name.shared" | grep -qF "[$soname]" || fail "$name does not ask for $soname"
  ! readelf -d "$name.static" | grep libsharpsde >/dev/null || fail "$name asks for the shared library"
  LD_LIBRARY_PATH=$library ./"$name.shared" >"$name.out" || fail "$name: status $?"
  ./"$name.static" >"$name.static.out" || fail "$name, static: status $?"
  cmp "$name.out" "$name.static.out" || fail "$name: shared and static differ"
  agrees "$name.out" "${example#*=}" || fail "$name is not exact: $(cat "$name.out")"
done

# What the examples call exact: the recursion of the mean, step by step; and by a calculator.
awk -v exact="$(awk '{print $NF}' own_loss.out)" 'BEGIN {
    x = 1
    for (k = 0; k < 20; k++)
      x -= 0.05 * ((x + 0.1 * (x + 0.5) + 0.5) + (3 * (x + 0.1 * (3 * x - 0.5)) - 0.5)) / 2
    exit (x - exact) ^ 2 > 1e-12 }' || fail "own_loss: the recursion of the mean is another"
[ "$(awk '{print $NF}' own_sde.out own_observable.out | paste -sd ' ')" = \
  "1.557602 2.628187 1.213061 1.726842 0.735759 0.745496 0.882360 0.544372 0.167533" ] ||
  fail "exact are: $(cat own_sde.out own_observable.out)"

[ "$(awk '{print $NF}' own_analysis.out | paste -sd ' ')" = "0.050000 0.025000 0.012500 -1.000000" ] ||
  fail "exact are: $(cat own_analysis.out)"

# The command lines that README.md shows, static and shared, for a program of one's own.
cp "$prefix/share/sharpsde/examples/own_observable.c" mine.c
# shellcheck disable=SC2317 # the lines that are evaluated call them
pkg-config() { command pkg-config --define-variable=prefix="$prefix" "$@"; }
# shellcheck disable=SC2317
cc() { command "${compile[@]}" "$@"; }
grep '^cc -o mine ' "$root/README.md" >lines || fail "README.md has no line for cc"
shared=0
while IFS= read -r line; do
  rm -f mine
  eval "$line" || fail "README.md: this does not build: $line"
  LD_LIBRARY_PATH=$library ./mine >mine.out || fail "README.md: it does not run: $line"
  cmp mine.out own_observable.out || fail "README.md: other numbers: $line"
  ! readelf -d mine | grep -F "[$soname]" >/dev/null || shared=$((shared + 1))
done <lines
[ "$(wc -l <lines) $shared" = "2 1" ] || fail "README.md: not one shared and one static: $(cat lines)"
unset -f pkg-config cc

# A twin that must fail: without its perturbation the mean of own_loss is another.
sed 's/\.rho = 0\.1/.rho = 0/; s/m_usam\.rho/0.1/g' "$prefix/share/sharpsde/examples/own_loss.c" >twin.c
cp twin.c "$prefix/share/sharpsde/examples/own_loss.c"
build own_loss shared twin
LD_LIBRARY_PATH=$library ./twin >twin.out
! agrees twin.out 1 >/dev/null || fail "rho makes no difference: $(cat twin.out)"

# And with one micro-batch alone there is no power of its size.
sed 's/\.micro_batch = (size_t)micro_batch\[i\]/.micro_batch = 4/' \
  "$prefix/share/sharpsde/examples/own_analysis.c" >twin.c
cp twin.c "$prefix/share/sharpsde/examples/own_analysis.c"
build own_analysis shared twin
LD_LIBRARY_PATH=$library ./twin >twin.out
! agrees twin.out 4 >/dev/null || fail "the micro-batch makes no difference: $(cat twin.out)"

make_stage uninstall
left=$(find "$stage" -mindepth 1 \( ! -type d -o -name '*sharpsde*' \))
[ -z "$left" ] || fail "uninstall leaves $left"
echo "the examples run with the installed library, shared and static"
