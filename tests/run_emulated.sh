#!/usr/bin/env bash
# The x86-64-v4 kernels on a processor without AVX-512: their source with SIMDe's functions in the
# place of the instructions gives the bits of x86-64-v3, for Threefry, normals and affine maps. (The
# functions that are SLEEF's cannot be had so.) A twin that rounds otherwise is noticed.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
library=$(dirname "$(realpath "${SHARPSDE:-$root/build/sharpsde}")")/libsharpsde.a
grep -qw avx2 /proc/cpuinfo 2>/dev/null ||
  { echo "skipped: this processor has no AVX2 to hold x86-64-v4 against"; exit 77; }
[ -e /usr/include/simde/x86/avx512.h ] ||
  { echo "skipped: no SIMDe, so x86-64-v4 is not emulated; make deps CHECK=1"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
read -ra compile <<<"${CC:-cc} ${CFLAGS:-}"
read -ra libraries <<<"$(pkg-config --libs sleef) -fopenmp -lm"

cat >stubs.h <<'C'
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#define STUB(name) \
  static __m512d stub_##name(__m512d a) { return a; }
STUB(exp) STUB(log) STUB(log1p) STUB(sin) STUB(cos) STUB(tan) STUB(atan) STUB(sinh) STUB(cosh)
STUB(tanh)
static __m512d stub_pow(__m512d a, __m512d b) { return (void)b, a; }
C
cat >compare.c <<'C'
#include "stubs.h"
#include "sde/vector_math.h"
#include <stdio.h>
#define SET emulated
#define SET_NAME "emulated"
#define LANES 8
#include "kernel.h"

enum { COUNT = 1 << 16, ROUNDS = 20, DIM = 13, WIDTH = 64 };
static uint64_t a[COUNT], b[COUNT], c[COUNT], d[COUNT];
static double z0[COUNT], z1[COUNT], w0[COUNT], w1[COUNT], out[DIM * WIDTH], there[DIM * WIDTH];

int main(void)
{
  const struct sde_vector_math *v3 = sde_vector_math_named("x86-64-v3");
  const uint64_t top = UINT64_C(1) << 63, ends[] = {0, UINT64_MAX, top, top >> 2, 3 * (top >> 2)};
  size_t words = 0, normals = 0, affine = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    const uint64_t key[2] = {77 * round + 1, ~round * round}, first = UINT64_MAX - 1000 * round;
    emulated.threefry(COUNT, key, first, 17 * round, a, b);
    v3->threefry(COUNT, key, first, 17 * round, c, d);
    words += memcmp(a, c, sizeof a) != 0 || memcmp(b, d, sizeof b) != 0;
    for (size_t i = 0; i < 25; i++)
      a[i] = ends[i / 5], b[i] = ends[i % 5];
    emulated.normals(COUNT, a, b, z0, z1);
    v3->normals(COUNT, a, b, w0, w1);
    normals += memcmp(z0, w0, sizeof z0) != 0 || memcmp(z1, w1, sizeof z1) != 0;
  }
  for (size_t rows = 1; rows <= DIM; rows++)
    for (size_t columns = 1; columns <= DIM; columns++) {
      const double *constant = rows % 2 == 0 ? z0 : NULL;
      emulated.affine(rows, columns, z0 + 50, constant, WIDTH, z1, out);
      v3->affine(rows, columns, z0 + 50, constant, WIDTH, z1, there);
      affine += memcmp(out, there, rows * WIDTH * sizeof *out) != 0;
    }
  printf("words %zu, normals %zu, affine maps %zu\n", words, normals, affine);
  return 0;
}
C

# compared SED: how often the kernel, so changed, differs from x86-64-v3.
compared() {
  sed -e '/immintrin.h/d' -e '/sleef.h/d' -e 's/Sleef_finz_##name##d8_u10avx512f/stub_##name/' \
    -e "$1" "$root/sde/vector_math_kernel.h" >kernel.h
  "${compile[@]}" -std=gnu11 -O2 -mavx2 -mfma -ffp-contract=off -w -Wno-psabi -I"$scratch" \
    -I"$root" compare.c "$library" "${libraries[@]}" -o compare || return
  ./compare
}

said=$(compared '') || exit
[ "$said" = "words 0, normals 0, affine maps 0" ] || { echo "x86-64-v4 differs: $said"; exit 1; }
twin=$(compared 's/_mm512_fmadd_pd(a, b, c)/((a) * (b) + (c))/')
[[ $twin =~ ^words\ 0,\ normals\ [1-9][0-9]*,\ affine\ maps\ [1-9][0-9]*$ ]] ||
  { echo "a kernel without fused operations is not noticed: $twin"; exit 1; }
echo "the kernels of x86-64-v4, emulated, give the bits of x86-64-v3"
