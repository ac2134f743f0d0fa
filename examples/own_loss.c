/*
 * A loss of one's own: f_i = 1/2 a_i x^2 + b_i x, two samples. The iterates of m-USAM with
 * micro-batches of one sample have the mean update E u = slope (x - rest), with slope = mean of
 * a_i + rho a_i^2 and slope rest = -mean of (1 + rho a_i) b_i, so their mean is known.
 *
 *   cc -O2 -o own_loss own_loss.c $(pkg-config --cflags --libs sharpsde) -lm
 */
#include "models/observables.h"
#include "models/optimizer.h"

#include <math.h>
#include <stdio.h>

static const double a[] = {1, 3}, b[] = {0.5, -0.5}, start = 1;

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  (void)parameters, (void)status;
  loss->dim = 1;
  loss->samples = 2;
  loss->start = &start;
  return true;
}

static void destroy(struct loss *loss)
{
  (void)loss;
}

static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *f)
{
  (void)loss;
  for (size_t p = 0; p < width; p++) {
    uint32_t i = samples.index[p * samples.stride];
    f[p] = (0.5 * a[i] * x[p] + b[i]) * x[p];
  }
}

static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *x, double *g)
{
  (void)loss;
  for (size_t p = 0; p < width; p++) {
    uint32_t i = samples.index[p * samples.stride];
    g[p] = a[i] * x[p] + b[i];
  }
}

static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *v, double *hv)
{
  (void)loss, (void)x;
  for (size_t p = 0; p < width; p++)
    hv[p] = a[samples.index[p * samples.stride]] * v[p];
}

static const struct loss_type own = {.name = "own",
                                     .create = create,
                                     .destroy = destroy,
                                     .value = value,
                                     .gradient = gradient,
                                     .hessian_vector = hessian_vector};

int main(void)
{
  struct sde_status status = {SDE_OK, ""};
  struct parameters *noise = parameters_new();
  parameters_add_texts(noise, "sampling", 1, (const char *[]){"with-replacement"}, "main");
  struct loss *loss = loss_new(&own, NULL, &status);
  struct objective *objective = objective_new(loss, noise, NULL, &status);
  struct sde_observables *x1 =
      observables_new(objective, 1, (const char *[]){"x1"}, "main", &status);
  if (status.code != SDE_OK)
    return fprintf(stderr, "own_loss: %s\n", status.message), status.code;
  const struct optimizer m_usam = {.update = update_rule_named("sgd"),
                                   .rule = gradient_rule_named("m-usam"),
                                   .objective = objective,
                                   .eta = 0.05,
                                   .rho = 0.1,
                                   .batch = 2,
                                   .micro_batch = 1};
  struct sde_process *iterates = optimizer_process_new(&m_usam, sde_stream_named(1, "iterates"));
  const uint64_t steps = 20;
  const struct sde_ensemble ensemble = {.paths = 100000,
                                        .dim = 1,
                                        .start = &start,
                                        .records = 1,
                                        .record_steps = &steps,
                                        .processes = 1,
                                        .process = (const struct sde_process *[]){iterates},
                                        .observables = *x1,
                                        .bound = 1e6};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double slope = 2 + 5 * m_usam.rho, rest = 0.5 * m_usam.rho / slope;
  struct sde_moments end = sde_ensemble_moments(&result, 0, 0, 0);
  printf("mean %.6f se %.6f exact %.6f\n", end.mean, sde_moments_standard_error(end),
         rest + (start - rest) * pow(1 - m_usam.eta * slope, (double)steps));
  sde_ensemble_result_free(&result);
  optimizer_process_free(iterates);
  observables_free(x1);
  objective_free(objective);
  loss_free(loss);
  parameters_free(noise);
  return 0;
}
