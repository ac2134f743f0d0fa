/*
 * An analysis of one's own: how the variance regularisation of m-USAM depends on the micro-batch.
 * By theory the mean update holds (rho/2) c(m) grad tr V, with c(m) = 1/m for samples drawn with
 * replacement. The drift probe measures that coefficient from many draws at one point, and the fit
 * of a power law through the coefficients shows the power -1 of m.
 *
 *   cc -O2 -o own_analysis own_analysis.c $(pkg-config --cflags --libs sharpsde) -lm
 */
#include "analysis/drift_probe.h"
#include "analysis/fit.h"

#include <stdio.h>

enum { SIZES = 3 };

static void add_text(struct parameters *parameters, const char *name, const char *text)
{
  parameters_add_texts(parameters, name, 1, &text, "main");
}

int main(void)
{
  struct sde_status status = {SDE_OK, ""};
  const double samples = 4, start = 1.5, batch = 4, micro_batch[SIZES] = {1, 2, 4};
  struct parameters *keys = parameters_new(), *noise = parameters_new();
  add_text(keys, "expression", "0.5*(1 + 0.5*e)*(x - e)^2"); /* e: normal scores, one a sample */
  add_text(keys, "parameters", "x");
  add_text(keys, "sample_parameters", "e");
  parameters_add_numbers(keys, "samples", 1, &samples, "main");
  add_text(noise, "sampling", "with-replacement");
  struct loss *loss = loss_new(loss_type_named("formula"), keys, &status);
  struct objective *objective = loss == NULL ? NULL : objective_new(loss, noise, &start, &status);
  double coefficient[SIZES], se[SIZES];
  for (size_t i = 0; i < SIZES && status.code == SDE_OK; i++) {
    const struct optimizer m_usam = {.rule = gradient_rule_named("m-usam"),
                                     .update = update_rule_named("sgd"),
                                     .objective = objective,
                                     .eta = 0.1,
                                     .rho = 0.1,
                                     .batch = (size_t)batch,
                                     .micro_batch = (size_t)micro_batch[i]};
    struct drift_probe *probe = drift_probe_new(&m_usam, &start, 1, "main", &status);
    if (probe == NULL)
      break;
    char *name = sde_format("probe m=%zu", m_usam.micro_batch);
    struct drift_probe_result result =
        drift_probe_run(probe, sde_stream_named(1, name), 1000000, 0, NULL, NULL, NULL);
    coefficient[i] = result.coefficient.mean;
    se[i] = result.se;
    printf("m %g mean %.6f se %.6f exact %.6f\n", micro_batch[i], coefficient[i], se[i],
           probe->predicted);
    drift_probe_result_free(&result);
    drift_probe_free(probe);
    sde_free(name);
  }
  struct fit fit = {0};
  if (status.code == SDE_OK) {
    fit = fit_power(SIZES, micro_batch, coefficient, se, 0);
    printf("power of m: mean %.6f se %.6f exact %.6f\n", fit.slope, fit.se, -1.0);
  } else
    fprintf(stderr, "own_analysis: %s\n", status.message);
  objective_free(objective);
  loss_free(loss);
  parameters_free(keys);
  parameters_free(noise);
  return status.code;
}
