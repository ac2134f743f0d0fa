/*
 * An SDE of one's own: geometric Brownian motion dX = mu X dt + sigma X dW, solved by the scheme of
 * weak order 2 on many paths. Its mean is X_0 exp(mu t), its second moment X_0^2 exp((2 mu +
 * sigma^2) t).
 *
 *   cc -O2 -o own_sde own_sde.c $(pkg-config --cflags --libs sharpsde) -lm
 */
#include "sde/ensemble.h"

#include <math.h>
#include <stdio.h>

static const double mu = -0.5, sigma = 0.4, start = 2;

/* Component i of path p stands at x[i*width + p]; here there is one component and one dW. */
static void evaluate(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)system, (void)workspace, (void)at;
  for (size_t p = 0; drift != NULL && p < width; p++)
    drift[p] = mu * x[p];
  for (size_t p = 0; noise != NULL && p < width; p++)
    noise[p] = sigma * x[p] * dw[p];
}

/* Two observables, x and x^2. */
static void observe(const void *context, void *workspace, size_t width, const double *x,
                    double *out)
{
  (void)context, (void)workspace;
  for (size_t p = 0; p < width; p++) {
    out[p] = x[p];
    out[width + p] = x[p] * x[p];
  }
}

int main(void)
{
  struct sde_status status = {SDE_OK, ""};
  const struct sde_system system = {
      .name = "own", .dim = 1, .noise_dim = 1, .noise = SDE_NOISE_SCALAR, .evaluate = evaluate};
  const struct sde_solution solution = {.system = &system,
                                        .scheme = sde_scheme_named("weak-second-order"),
                                        .stream = sde_stream_named(1, "own"),
                                        .eta = 0.1, /* a step of the process ... */
                                        .substeps = 2,
                                        .resolution = 2}; /* ... is two of the scheme */
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  if (process == NULL)
    return fprintf(stderr, "own_sde: %s\n", status.message), status.code;
  const uint64_t step[] = {5, 10, 20};
  const struct sde_ensemble ensemble = {.paths = 200000,
                                        .dim = 1,
                                        .start = &start,
                                        .records = 3,
                                        .record_steps = step,
                                        .processes = 1,
                                        .process = (const struct sde_process *[]){process},
                                        .observables = {.count = 2, .evaluate = observe},
                                        .bound = 1e6};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t r = 0; r < 3; r++)
    for (size_t o = 0; o < 2; o++) {
      struct sde_moments moments = sde_ensemble_moments(&result, 0, r, o);
      double time = 0.1 * (double)step[r], rate = o == 0 ? mu : 2 * mu + sigma * sigma;
      printf("time %.1f %s mean %.6f se %.6f exact %.6f\n", time, o == 0 ? "x" : "x^2",
             moments.mean, sde_moments_standard_error(moments),
             pow(start, (double)o + 1) * exp(rate * time));
    }
  sde_ensemble_result_free(&result);
  sde_solution_process_free(process);
  return 0;
}
