/*
 * Effective losses: see effective_loss.h.
 */
#include "analysis/effective_loss.h"

#include "models/enumeration.h"
#include "models/gaussian_norm.h"
#include "sde/block.h"

#include <math.h>

/* Multiply-adds that the enumeration of the micro-batches may cost at one point. */
static const size_t enumeration_work = (size_t)1 << 15;

struct effective_loss {
  const struct optimizer *optimizer;
  enum effective_loss_norm norm;
  struct enumeration enumeration; /* EFFECTIVE_LOSS_ENUMERATED; else empty */
  struct gaussian_norm_workspace *gaussian;
  double *x, *f, *regularizer; /* a block of points: dim, 1, 1 numbers a point */
  double *gradient;            /* g */
  double
      *component; /* EFFECTIVE_LOSS_ENUMERATED: gradients, [(i*dim + k)*SDE_UNIT + p]; else NULL */
  double *covariance; /* of g_I, the lower triangle */
  double *scratch;    /* 2 dim */
};

static enum effective_loss_norm choose_norm(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  size_t n = objective->components, m = optimizer->micro_batch, d = objective->loss->dim;
  bool replacement = objective->sampling == OBJECTIVE_WITH_REPLACEMENT;
  if ((optimizer->rule->theory.regularizer & REGULARIZER_NORMS) == 0)
    return EFFECTIVE_LOSS_NO_NORM;
  if ((optimizer->rule->theory.regularizer & REGULARIZER_MEAN_NORM) == 0)
    return EFFECTIVE_LOSS_FULL;
  if (objective->sampling == OBJECTIVE_GAUSSIAN)
    return objective_is_gaussian(objective) ? EFFECTIVE_LOSS_INTEGRAL : EFFECTIVE_LOSS_CLOSURE;
  return enumeration_count(n, m, replacement, enumeration_work / m / d) == SIZE_MAX
             ? EFFECTIVE_LOSS_CLOSURE
             : EFFECTIVE_LOSS_ENUMERATED;
}

struct effective_loss *effective_loss_new(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  const struct gradient_rule *rule = optimizer->rule;
  if (optimizer->update->affine == NULL || !gradient_rule_has_regularizer(rule) ||
      ((rule->theory.regularizer & REGULARIZER_VARIANCE_TERMS) != 0 &&
       !objective_has_variance(objective)))
    return NULL;
  size_t d = objective->loss->dim, bytes = SDE_UNIT * sizeof(double);
  struct effective_loss *effective = sde_alloc(1, sizeof *effective);
  effective->optimizer = optimizer;
  effective->norm = choose_norm(optimizer);
  if (effective->norm == EFFECTIVE_LOSS_ENUMERATED) {
    effective->enumeration = enumeration_new(objective->components, optimizer->micro_batch,
                                             objective->sampling == OBJECTIVE_WITH_REPLACEMENT);
    effective->component = sde_alloc(objective->components * d, bytes);
  }
  if (effective->norm == EFFECTIVE_LOSS_INTEGRAL || effective->norm == EFFECTIVE_LOSS_CLOSURE)
    effective->gaussian = gaussian_norm_workspace_new(d);
  effective->x = sde_alloc(d, bytes);
  effective->f = sde_alloc(1, bytes);
  effective->regularizer = sde_alloc(1, bytes);
  effective->gradient = sde_alloc(d, bytes);
  effective->covariance = sde_alloc(d * (d + 1) / 2, bytes);
  effective->scratch = sde_alloc(2 * d, bytes);
  return effective;
}

void effective_loss_free(struct effective_loss *effective)
{
  if (effective == NULL)
    return;
  enumeration_free(&effective->enumeration);
  if (effective->gaussian != NULL)
    gaussian_norm_workspace_free(effective->gaussian);
  sde_free(effective->x);
  sde_free(effective->f);
  sde_free(effective->regularizer);
  sde_free(effective->gradient);
  sde_free(effective->component);
  sde_free(effective->covariance);
  sde_free(effective->scratch);
  sde_free(effective);
}

enum effective_loss_norm effective_loss_norm(const struct effective_loss *effective)
{
  return effective->norm;
}

/* out[p] = |v|^2 */
static void square(size_t dim, const double *v, double *out)
{
  sde_block_fill(SDE_UNIT, 0, out);
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      out[p] += v[k * SDE_UNIT + p] * v[k * SDE_UNIT + p];
}

static void find_components(struct effective_loss *effective)
{
  const struct objective *objective = effective->optimizer->objective;
  size_t size = objective->loss->dim * SDE_UNIT;
  for (size_t i = 0; i < objective->components; i++)
    objective_component_gradient(objective, SDE_UNIT, i, effective->x,
                                 effective->component + i * size);
}

/* E|g_I| over all micro-batches; the rounding that all probabilities share cancels. */
static void enumerated_norm(struct effective_loss *effective)
{
  const struct enumeration *all = &effective->enumeration;
  size_t d = effective->optimizer->objective->loss->dim, size = d * SDE_UNIT;
  double total = 0, *mean = effective->scratch, *length = mean + size;
  find_components(effective);
  sde_block_fill(SDE_UNIT, 0, effective->regularizer);
  for (size_t c = 0; c < all->count; c++) {
    sde_block_fill(size, 0, mean);
    for (size_t i = 0; i < all->size; i++)
      sde_block_add(size, 1 / (double)all->size,
                    effective->component + all->index[c * all->size + i] * size, mean);
    square(d, mean, length);
    for (size_t p = 0; p < SDE_UNIT; p++)
      effective->regularizer[p] += all->probability[c] * sqrt(length[p]);
    total += all->probability[c];
  }
  sde_block_scale(SDE_UNIT, 1 / total, effective->regularizer);
}

/* E|Z|, Z ~ N(g, c(m) V). */
static void gaussian_norm_of(struct effective_loss *effective)
{
  const struct objective *objective = effective->optimizer->objective;
  size_t d = objective->loss->dim;
  double share = objective_batch_factor(objective, effective->optimizer->micro_batch) *
                 objective_component_weight(objective);
  double *of = effective->scratch;
  sde_block_fill(d * (d + 1) / 2 * SDE_UNIT, 0, effective->covariance);
  for (size_t i = 0; i < objective->components; i++) {
    double *entry = effective->covariance;
    objective_component_deviation(objective, SDE_UNIT, i, effective->x, effective->gradient, of);
    for (size_t j = 0; j < d; j++)
      for (size_t k = 0; k <= j; k++, entry += SDE_UNIT)
        for (size_t p = 0; p < SDE_UNIT; p++)
          entry[p] += share * of[j * SDE_UNIT + p] * of[k * SDE_UNIT + p];
  }
  gaussian_norm_each(effective->gaussian, SDE_UNIT, effective->covariance, effective->gradient,
                     NULL, effective->regularizer);
}

/* Add 1/2 |g|^2 and 1/2 c(m) tr V, those of them that R has. */
static void add_squares(struct effective_loss *effective)
{
  const struct optimizer *optimizer = effective->optimizer;
  const struct objective *objective = optimizer->objective;
  unsigned terms = optimizer->rule->theory.regularizer;
  double sum[SDE_UNIT] = {0}, trace[SDE_UNIT];
  if ((terms & REGULARIZER_HALF_SQUARED_GRADIENT) != 0)
    square(objective->loss->dim, effective->gradient, sum);
  if ((terms & REGULARIZER_HALF_NOISE_TRACE) != 0) {
    objective_noise_trace(objective, SDE_UNIT, effective->x, trace, effective->scratch);
    sde_block_add(SDE_UNIT, objective_batch_factor(objective, optimizer->micro_batch), trace, sum);
  }
  sde_block_add(SDE_UNIT, 0.5, sum, effective->regularizer);
}

static void find_regularizer(struct effective_loss *effective)
{
  size_t d = effective->optimizer->objective->loss->dim;
  switch (effective->norm) {
  case EFFECTIVE_LOSS_NO_NORM:
    sde_block_fill(SDE_UNIT, 0, effective->regularizer);
    break;
  case EFFECTIVE_LOSS_FULL:
    square(d, effective->gradient, effective->regularizer);
    for (size_t p = 0; p < SDE_UNIT; p++)
      effective->regularizer[p] = sqrt(effective->regularizer[p]);
    break;
  case EFFECTIVE_LOSS_ENUMERATED:
    enumerated_norm(effective);
    break;
  case EFFECTIVE_LOSS_INTEGRAL:
  case EFFECTIVE_LOSS_CLOSURE:
    gaussian_norm_of(effective);
    break;
  }
  add_squares(effective);
}

/* Points beyond the last repeat it, so that a block is full. */
void effective_loss_at(struct effective_loss *effective, size_t points, const double *x, double *f,
                       double *value)
{
  const struct optimizer *optimizer = effective->optimizer;
  const struct loss *loss = optimizer->objective->loss;
  size_t d = loss->dim;
  for (size_t first = 0; first < points; first += SDE_UNIT) {
    size_t count = points - first < SDE_UNIT ? points - first : SDE_UNIT;
    for (size_t k = 0; k < d; k++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        effective->x[k * SDE_UNIT + p] = x[(first + (p < count ? p : count - 1)) * d + k];
    loss_mean_value(loss, SDE_UNIT, effective->x, effective->f, effective->scratch);
    if (value != NULL) {
      loss_mean_gradient(loss, SDE_UNIT, effective->x, effective->gradient, effective->scratch);
      find_regularizer(effective);
    }
    for (size_t p = 0; p < count; p++) {
      if (f != NULL)
        f[first + p] = effective->f[p];
      if (value != NULL)
        value[first + p] = effective->f[p] + optimizer->rho * effective->regularizer[p];
    }
  }
}

double effective_loss_function_at(void *function, const double *x)
{
  const struct effective_loss_function *of = function;
  double value;
  effective_loss_at(of->effective, 1, x, of->plain ? &value : NULL, of->plain ? NULL : &value);
  return value;
}
