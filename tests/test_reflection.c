/*
 * Tests of projections: what a solution does to its state after each step of the scheme. Reflected
 * diffusions on [0, 1] tell folding from clipping, and both from doing it at the end alone.
 */
#include "sde/block.h"
#include "sde/ensemble.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

/* Steps over a face of [0, 1] are folded back: period 2. */
static void fold(const void *context, size_t width, double *x)
{
  const size_t *dim = context;
  for (size_t i = 0; i < *dim * width; i++) {
    double w = x[i] - 2 * floor(x[i] / 2);
    x[i] = fmin(w, 2 - w);
  }
}

static void clip(const void *context, size_t width, double *x)
{
  const size_t *dim = context;
  for (size_t i = 0; i < *dim * width; i++)
    x[i] = fmin(fmax(x[i], 0), 1);
}

static const size_t one = 1, two = 2;
static const struct sde_projection folding = {&one, fold}, clipping = {&one, clip},
                                   folding_two = {&two, fold};

static void state(const void *context, void *workspace, size_t width, const double *x, double *out)
{
  const size_t *dim = context;
  (void)workspace;
  memcpy(out, x, *dim * width * sizeof *out);
}

/* The mean of each coordinate at time 1/2, after `substeps` steps. */
struct problem {
  size_t dim;
  const double *a, *c, *s, *start;
};

static void end_means(const struct problem *problem, const struct sde_projection *projection,
                      uint64_t substeps, uint64_t paths, struct sde_moments *mean)
{
  struct sde_system *system =
      sde_linear_system_new(problem->dim, problem->dim, problem->a, problem->c, problem->s);
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(9, "reflected"),
                                  .eta = 0.5,
                                  .substeps = substeps,
                                  .resolution = substeps,
                                  .projection = projection};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  const uint64_t last = 1;
  struct sde_ensemble ensemble = {
      .paths = paths,
      .dim = problem->dim,
      .start = problem->start,
      .records = 1,
      .record_steps = &last,
      .processes = 1,
      .process = (const struct sde_process *[]){process},
      .observables = {.count = problem->dim, .context = &problem->dim, .evaluate = state},
      .bound = 1e6};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  memcpy(mean, result.moments, problem->dim * sizeof *mean);
  sde_ensemble_result_free(&result);
  sde_solution_process_free(process);
  sde_linear_system_free(system);
}

/* Without drift W from 0.3 at variance v = 0.5 s^2, folded: the image sum has the mean
 * 1/2 - sum over odd k of 4/(k pi)^2 e^(-k^2 pi^2 v/2) cos(k pi 0.3), exact for any step. So it has
 * in each coordinate of two. */
static double reflected_mean(double start, double v)
{
  double mean = 0.5;
  for (int k = 1; k < 40; k += 2)
    mean -= 4 / gsl_pow_2(k * M_PI) * exp(-gsl_pow_2(k * M_PI) * v / 2) * cos(k * M_PI * start);
  return mean;
}

START_TEST(folded_brownian_motion_is_exact)
{
  static const double zero[4] = {0}, s[] = {0.7, 0, 0, 0.4}, start[] = {0.3, 0.9};
  static const struct problem problem = {2, zero, NULL, s, start};
  struct testing_family right = {0}, free_course = {0}, once = {0};
  for (uint64_t substeps = 1; substeps <= 9; substeps *= 3) {
    struct sde_moments mean[2], unfolded[2];
    end_means(&problem, &folding_two, substeps, testing_size(100000), mean);
    end_means(&problem, NULL, substeps, testing_size(100000), unfolded);
    for (size_t i = 0; i < 2; i++) {
      double v = 0.5 * s[3 * i] * s[3 * i];
      testing_add_mean(&right, mean[i], reflected_mean(start[i], v), "folded");
      testing_add_mean(&free_course, unfolded[i], reflected_mean(start[i], v), "free");
      testing_add_mean(&once, unfolded[i], start[i], "free, by its own mean");
    }
  }
  testing_assert_agrees(&right);
  testing_assert_agrees(&once);
  testing_assert_notices(&free_course);
}
END_TEST

/* Reflected dX = -4 (X + 0.2) dt + 0.7 dW from 0.6 has E X = 0.142609 at t = 0.5. The errors of the
 * symmetrised and the projected Euler scheme are known to four digits; those of one are far from
 * those of the other, and halve with the step for the first alone. */
START_TEST(reflected_diffusion)
{
  static const double a = 4, c = -0.2, s = 0.7, start = 0.6, exact = 0.142609;
  static const struct problem problem = {1, &a, &c, &s, &start};
  static const double folded[] = {0.0288, 0.0138, 0.0068}, clipped[] = {-0.0526, -0.0408, -0.0310};
  uint64_t paths = testing_size(400000);
  struct testing_family right = {0}, twin = {0};
  for (size_t i = 0; i < 3; i++) {
    struct sde_moments symmetrised, projected;
    end_means(&problem, &folding, UINT64_C(8) << i, paths, &symmetrised);
    end_means(&problem, &clipping, UINT64_C(8) << i, paths, &projected);
    /* The known errors are rounded, by 5e-5 at most. */
    double se = sde_moments_standard_error(symmetrised) + 1e-5;
    testing_add(&right, (symmetrised.mean - exact - folded[i]) / se, "folded, %d steps", 8 << i);
    testing_add(&twin, (projected.mean - exact - folded[i]) / se, "clipped, %d steps", 8 << i);
    se = sde_moments_standard_error(projected) + 1e-5;
    testing_add(&right, (projected.mean - exact - clipped[i]) / se, "clipped, %d steps", 8 << i);
  }
  testing_assert_agrees(&right);
  testing_assert_notices(&twin);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("reflection");
  TCase *reflection = testing_case(suite, "reflection");
  tcase_add_test(reflection, folded_brownian_motion_is_exact);
  tcase_add_test(reflection, reflected_diffusion);
  return testing_run(suite);
}
