/*
 * Unified SAM: e_j = ((1 - lambda) + lambda/|g_Ij|) g_Ij, which is m-USAM for lambda = 0 and m-SAM
 * for lambda = 1. Oikonomou and Loizou, ICLR 2025; theory.md section 12.
 */
#include "models/optimizer.h"

#include <math.h>

enum { LAMBDA };

static const struct parameter_key keys[] = {{.name = "lambda",
                                             .type = PARAMETER_REAL,
                                             .low = 0,
                                             .high = 1,
                                             .help = "unified-sam: from 0, as m-usam, to 1, as "
                                                     "m-sam (default 0.5)"},
                                            {.name = NULL}};

static bool read(const struct parameters *given, struct optimizer *optimizer,
                 struct sde_status *status)
{
  bool has = given != NULL && parameters_has(given, "lambda");
  (void)status;
  optimizer->rule_setting[LAMBDA] = has ? parameters_real(given, "lambda") : 0.5;
  return true;
}

static void perturb(const struct gradient_draw *draw, size_t width, const double *x, double *e)
{
  size_t dim = draw->optimizer->objective->loss->dim;
  double lambda = draw->optimizer->rule_setting[LAMBDA];
  (void)x;
  for (size_t p = 0; p < width; p++) {
    double square = 0;
    for (size_t i = 0; i < dim; i++)
      square += e[i * width + p] * e[i * width + p];
    double factor = 1 - lambda + (square > 0 ? lambda / sqrt(square) : 0);
    for (size_t i = 0; i < dim; i++)
      e[i * width + p] *= factor;
  }
}

extern const struct gradient_rule gradient_rule_unified_sam;
const struct gradient_rule gradient_rule_unified_sam = {
    .name = "unified-sam",
    .summary = "between m-USAM (lambda 0) and m-SAM (lambda 1)",
    .micro_batch = MICRO_BATCH_GIVEN,
    .theory = {.depends = GRADIENT_OF_MICRO_BATCH, .normalized = true, .expands = true},
    .perturb = perturb,
    .keys = keys,
    .read = read,
    .update =
        "u = (m/b) sum_j g_Ij(x + rho (1 - lambda + lambda/|g_Ij(x)|) g_Ij(x)), micro-batches "
        "I_1 .. I_(b/m) partition B",
    .regularizer = "R = (1 - lambda) (1/2 |g|^2 + 1/2 c(m) tr V) + lambda E|g_I|",
    .theorem = "none; unified SAM, ICLR 2025"};
