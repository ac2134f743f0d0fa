/*
 * What several gradient rules share. See gradient_rule.h.
 */
#include "models/gradient_rule.h"

#include "sde/block.h"

#include <math.h>

bool gradient_rule_sees_noise(const struct gradient_rule *rule)
{
  return rule->theory.depends == GRADIENT_OF_MICRO_BATCH ||
         rule->theory.depends == GRADIENT_OF_BATCH;
}

bool gradient_rule_has_regularizer(const struct gradient_rule *rule)
{
  return rule->theory.depends == GRADIENT_UNPERTURBED || rule->theory.regularizer != 0;
}

SDE_VECTOR
void gradient_normalize(size_t dim, size_t width, double *v)
{
  double square[SDE_UNIT];
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++)
      square[p] = 0;
    for (size_t i = 0; i < dim; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        square[p] += v[i * width + start + p] * v[i * width + start + p];
    for (size_t p = 0; p < SDE_UNIT; p++)
      square[p] = square[p] > 0 ? 1 / sqrt(square[p]) : 0;
    for (size_t i = 0; i < dim; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        v[i * width + start + p] *= square[p];
  }
}
