/*
 * An observable of one's own: is the path above a level? On dX = -X dt + sqrt(2) dW, whose law at
 * time t is normal, its mean is a known probability; exponential Euler is exact here.
 *
 *   cc -O2 -o own_observable own_observable.c $(pkg-config --cflags --libs sharpsde) -lm
 */
#include "sde/ensemble.h"

#include <math.h>
#include <stdio.h>

/* out[o*width + p]: one observable a level, 1 above it and 0 below. */
struct levels {
  size_t count;
  const double *level;
};

static void above(const void *context, void *workspace, size_t width, const double *x, double *out)
{
  const struct levels *levels = context;
  (void)workspace;
  for (size_t o = 0; o < levels->count; o++)
    for (size_t p = 0; p < width; p++)
      out[o * width + p] = x[p] > levels->level[o];
}

int main(void)
{
  struct sde_status status = {SDE_OK, ""};
  const double level[] = {0, 1, 2}, start = 3, a = 1, s = sqrt(2);
  const struct levels levels = {3, level};
  struct sde_system *system = sde_linear_system_new(1, 1, &a, NULL, &s);
  const struct sde_solution solution = {.system = system,
                                        .scheme = sde_scheme_named("exponential-euler"),
                                        .stream = sde_stream_named(1, "own"),
                                        .eta = 0.5,
                                        .substeps = 1,
                                        .resolution = 1};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  if (process == NULL)
    return fprintf(stderr, "own_observable: %s\n", status.message), status.code;
  const uint64_t steps = 2;
  const struct sde_ensemble ensemble = {
      .paths = 100000,
      .dim = 1,
      .start = &start,
      .records = 1,
      .record_steps = &steps,
      .processes = 1,
      .process = (const struct sde_process *[]){process},
      .observables = {.count = levels.count, .context = &levels, .evaluate = above},
      .bound = 1e6};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t o = 0; o < levels.count; o++) {
    double mean = start * exp(-1), deviation = sqrt(1 - exp(-2));
    struct sde_moments moments = sde_ensemble_moments(&result, 0, 0, o);
    printf("above %g mean %.6f se %.6f exact %.6f\n", level[o], moments.mean,
           sde_moments_standard_error(moments),
           0.5 * erfc((level[o] - mean) / (deviation * sqrt(2))));
  }
  sde_ensemble_result_free(&result);
  sde_solution_process_free(process);
  sde_linear_system_free(system);
  return 0;
}
