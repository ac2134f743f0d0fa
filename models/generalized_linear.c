/*
 * Generalised linear losses: data and block kernels. See generalized_linear.h.
 */
#include "models/generalized_linear.h"

#include "models/features.h"
#include "sde/block.h"

bool generalized_linear_create(struct loss *loss, const struct parameters *parameters, bool classes,
                               struct generalized_linear *model, struct sde_status *status)
{
  bool intercept = parameters_bool(parameters, "intercept");
  struct features features;
  bool good = features_read(&features, parameters, intercept, classes, status);
  size_t d = features.columns;
  loss->data = model;
  model->a = features.a;
  model->y = features.y;
  loss->note = features.note;
  if (!good)
    return false;
  model->ridge = sde_alloc(d, sizeof(double));
  for (size_t j = 0; j + intercept < d; j++)
    model->ridge[j] = parameters_real(parameters, "ridge");
  loss->dim = d;
  loss->samples = features.samples;
  loss->held_out = features.held_out;
  loss->start = sde_alloc(d, sizeof(double));
  return true;
}

void generalized_linear_destroy(struct loss *loss)
{
  struct generalized_linear *model = loss->data;
  if (model == NULL)
    return;
  sde_free(model->a);
  sde_free(model->y);
  sde_free(model->ridge);
  sde_free(model);
  sde_free((double *)loss->start);
}

/* Paths are taken a unit at a time: the scalars of a unit then stay in registers and cache. */
struct unit {
  double s[SDE_UNIT], y[SDE_UNIT], value[SDE_UNIT], first[SDE_UNIT], second[SDE_UNIT];
};

/* s[p] = a_i . v and y[p] = y_i for the sample of each path; stride is a constant where this is
 * inlined. */
static inline void margins(const struct generalized_linear *model, size_t d, size_t width,
                           const uint32_t *restrict index, size_t stride, const double *restrict v,
                           double *restrict s, double *restrict y)
{
  for (size_t p = 0; p < SDE_UNIT; p++) {
    s[p] = 0;
    y[p] = model->y[index[p * stride]];
  }
  for (size_t j = 0; j < d; j++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      s[p] += model->a[index[p * stride] * d + j] * v[j * width + p];
}

SDE_VECTOR
static void margins_shared(const struct generalized_linear *model, size_t d, size_t width,
                           const uint32_t *index, const double *v, double *s, double *y)
{
  margins(model, d, width, index, 0, v, s, y);
}

SDE_VECTOR
static void margins_own(const struct generalized_linear *model, size_t d, size_t width,
                        const uint32_t *index, const double *v, double *s, double *y)
{
  margins(model, d, width, index, 1, v, s, y);
}

static void margins_of(const struct loss *loss, size_t width, struct loss_samples samples,
                       size_t start, const double *v, double *s, double *y)
{
  (samples.stride == 0 ? margins_shared : margins_own)(
      loss->data, loss->dim, width, samples.index + start * samples.stride, v + start, s, y);
}

/* out_j = coefficient a_ij + ridge_j v_j. */
static inline void combine(const struct generalized_linear *model, size_t d, size_t width,
                           const uint32_t *restrict index, size_t stride,
                           const double *restrict coefficient, const double *restrict v,
                           double *restrict out)
{
  for (size_t j = 0; j < d; j++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      out[j * width + p] =
          coefficient[p] * model->a[index[p * stride] * d + j] + model->ridge[j] * v[j * width + p];
}

SDE_VECTOR
static void combine_shared(const struct generalized_linear *model, size_t d, size_t width,
                           const uint32_t *index, const double *coefficient, const double *v,
                           double *out)
{
  combine(model, d, width, index, 0, coefficient, v, out);
}

SDE_VECTOR
static void combine_own(const struct generalized_linear *model, size_t d, size_t width,
                        const uint32_t *index, const double *coefficient, const double *v,
                        double *out)
{
  combine(model, d, width, index, 1, coefficient, v, out);
}

static void combine_of(const struct loss *loss, size_t width, struct loss_samples samples,
                       size_t start, const double *coefficient, const double *v, double *out)
{
  (samples.stride == 0 ? combine_shared : combine_own)(loss->data, loss->dim, width,
                                                       samples.index + start * samples.stride,
                                                       coefficient, v + start, out + start);
}

SDE_VECTOR
static void add_ridge(const struct generalized_linear *model, size_t d, size_t width,
                      const double *restrict x, double *restrict value)
{
  for (size_t j = 0; j < d; j++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      value[p] += 0.5 * model->ridge[j] * x[j * width + p] * x[j * width + p];
}

void generalized_linear_value(const struct loss *loss, size_t width, struct loss_samples samples,
                              const double *x, double *value)
{
  const struct generalized_linear *model = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    margins_of(loss, width, samples, start, x, unit.s, unit.y);
    model->link(SDE_UNIT, unit.s, unit.y, value + start);
    add_ridge(model, loss->dim, width, x + start, value + start);
  }
}

void generalized_linear_wrong(const struct loss *loss, size_t width, struct loss_samples samples,
                              const double *x, double *wrong)
{
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    margins_of(loss, width, samples, start, x, unit.s, unit.y);
    for (size_t p = 0; p < SDE_UNIT; p++)
      wrong[start + p] = (unit.s[p] > 0) != (unit.y[p] > 0);
  }
}

void generalized_linear_gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                                 const double *x, double *g)
{
  const struct generalized_linear *model = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    margins_of(loss, width, samples, start, x, unit.s, unit.y);
    model->derivatives(SDE_UNIT, unit.s, unit.y, unit.first, NULL);
    combine_of(loss, width, samples, start, unit.first, x, g);
  }
}

void generalized_linear_hessian_vector(const struct loss *loss, size_t width,
                                       struct loss_samples samples, const double *x,
                                       const double *v, double *hv)
{
  const struct generalized_linear *model = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    margins_of(loss, width, samples, start, x, unit.s, unit.y);
    model->derivatives(SDE_UNIT, unit.s, unit.y, NULL, unit.second);
    margins_of(loss, width, samples, start, v, unit.value, unit.y);
    for (size_t p = 0; p < SDE_UNIT; p++)
      unit.second[p] *= unit.value[p];
    combine_of(loss, width, samples, start, unit.second, v, hv);
  }
}
