/*
 * Tests of sde/system: the names of noise classes, and the linear system against BLAS.
 */
#include "sde/system.h"

#include "sde/block.h"
#include "tests/testing.h"

#include <gsl/gsl_cblas.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <string.h>

static void draw(gsl_rng *rng, size_t count, double *out)
{
  for (size_t i = 0; i < count; i++)
    out[i] = gsl_ran_ugaussian(rng);
}

START_TEST(noise_classes_have_names)
{
  static const char *const names[] = {"additive", "scalar", "diagonal", "commutative", "general"};
  ck_assert_uint_eq(sizeof names / sizeof *names, SDE_NOISE_CLASSES);
  for (size_t i = 0; i < SDE_NOISE_CLASSES; i++)
    ck_assert_str_eq(sde_noise_class_name((enum sde_noise_class)i), names[i]);
}
END_TEST

/* Drift and noise of a linear system against dgemv, path by path; each may be left out, the
 * constant may be NULL, and the caller's arrays may go. */
START_TEST(linear_system_is_its_matrices)
{
  enum { MOST = 7, WIDE = 3 * SDE_UNIT };
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  int dim = 1 + _i % MOST, noise_dim = 1 + (3 * _i) % MOST;
  double a[MOST * MOST], c[MOST], s[MOST * MOST], x[MOST * WIDE], dw[MOST * WIDE], worst = 0;
  double drift[MOST * WIDE], noise[MOST * WIDE], alone[MOST * WIDE];
  draw(rng, sizeof a / sizeof *a, a);
  draw(rng, sizeof c / sizeof *c, c);
  draw(rng, sizeof s / sizeof *s, s);
  draw(rng, sizeof x / sizeof *x, x);
  draw(rng, sizeof dw / sizeof *dw, dw);
  double copy[2][MOST * MOST];
  memcpy(copy[0], a, sizeof a);
  memcpy(copy[1], s, sizeof s);
  bool centred = _i >= MOST;
  struct sde_system *system =
      sde_linear_system_new((size_t)dim, (size_t)noise_dim, copy[0], centred ? c : NULL, copy[1]);
  memset(copy, 0, sizeof copy);
  ck_assert_int_eq(system->noise, SDE_NOISE_ADDITIVE);
  void *workspace = sde_system_workspace_new(system, WIDE);
  system->evaluate(system, workspace, NULL, WIDE, x, dw, drift, noise);
  for (int p = 0; p < WIDE; p++) {
    double shifted[MOST], expected[2][MOST];
    for (int i = 0; i < dim; i++)
      shifted[i] = x[i * WIDE + p] - (centred ? c[i] : 0);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, dim, dim, -1, a, dim, shifted, 1, 0, expected[0], 1);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, dim, noise_dim, 1, s, noise_dim, dw + p, WIDE, 0,
                expected[1], 1);
    for (int i = 0; i < dim; i++)
      worst = fmax(worst, fmax(fabs(drift[i * WIDE + p] - expected[0][i]),
                               fabs(noise[i * WIDE + p] - expected[1][i])));
  }
  ck_assert_double_lt(worst, 2e-14);
  size_t bytes = (size_t)dim * WIDE * sizeof *alone;
  system->evaluate(system, workspace, NULL, WIDE, x, NULL, alone, NULL);
  ck_assert_mem_eq(alone, drift, bytes);
  system->evaluate(system, workspace, NULL, WIDE, x, dw, NULL, alone);
  ck_assert_mem_eq(alone, noise, bytes);
  sde_system_workspace_free(system, workspace);
  sde_linear_system_free(system);
  sde_linear_system_free(NULL);
  gsl_rng_free(rng);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("system");
  TCase *systems = testing_case(suite, "systems");
  tcase_add_test(systems, noise_classes_have_names);
  tcase_add_loop_test(systems, linear_system_is_its_matrices, 0, 14);
  return testing_run(suite);
}
