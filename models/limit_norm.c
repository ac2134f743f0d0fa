/*
 * The norm in the drift of m-SAM to first order in rho, F = g + rho grad E|g_I|: its gradient in
 * each way it is had. arXiv 2509.18001, theorems 3.6 to 3.8; theory.md 4. See limit_forms.h.
 */
#include "models/limit_forms.h"

#include "sde/block.h"

#include <string.h>

struct limit_norm_workspace {
  double *mean, *column, *scratch; /* dim * width */
  struct gaussian_norm_workspace *gaussian;
  struct micro_batches fresh;       /* NORM_OF_FRESH: one micro-batch */
  double *point, *covariance;       /* NORM_OF_CLOSURE: dim * width; dim (dim+1)/2 * width */
  double *norm_before, *norm_after; /* the same: width */
};

struct limit_norm_workspace *limit_norm_workspace_new(const struct limit_form *form, size_t width)
{
  const struct objective *objective = form->optimizer->objective;
  struct limit_norm_workspace *w = sde_alloc(1, sizeof *w);
  size_t d = objective->loss->dim;
  w->mean = sde_alloc(d, width * sizeof(double));
  w->column = sde_alloc(d, width * sizeof(double));
  w->scratch = sde_alloc(d, width * sizeof(double));
  if (form->norm == NORM_OF_GAUSSIAN_NOISE || form->norm == NORM_OF_CLOSURE)
    w->gaussian = gaussian_norm_workspace_new(d);
  if (form->norm == NORM_OF_FRESH)
    w->fresh = micro_batches_new(objective, form->optimizer->micro_batch, 1, width);
  if (form->norm == NORM_OF_CLOSURE) {
    w->point = sde_alloc(d, width * sizeof(double));
    w->covariance = sde_alloc(d * (d + 1) / 2, width * sizeof(double));
    w->norm_before = sde_alloc(width, sizeof(double));
    w->norm_after = sde_alloc(width, sizeof(double));
  }
  return w;
}

void limit_norm_workspace_free(struct limit_norm_workspace *w)
{
  if (w == NULL)
    return;
  sde_free(w->mean);
  sde_free(w->column);
  sde_free(w->scratch);
  if (w->gaussian != NULL)
    gaussian_norm_workspace_free(w->gaussian);
  micro_batches_free(&w->fresh);
  sde_free(w->point);
  sde_free(w->covariance);
  sde_free(w->norm_before);
  sde_free(w->norm_after);
  sde_free(w);
}

struct gaussian_norm_basis *limit_norm_basis_new(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  size_t d = objective->loss->dim, k = objective->components;
  double c = objective_batch_factor(objective, optimizer->micro_batch);
  double *covariance = sde_alloc(d, d * sizeof *covariance);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      for (size_t l = 0; l < k; l++)
        covariance[i * d + j] += c * objective->factor[i * k + l] * objective->factor[j * k + l];
  struct gaussian_norm_basis *basis = gaussian_norm_basis_new(d, covariance);
  sde_free(covariance);
  return basis;
}

/* out = E|Z|, Z ~ N(g, c(m) V), at x. */
static void closure_norm(const struct limit_form *form, struct limit_norm_workspace *w,
                         size_t width, const double *x, double *out)
{
  const struct objective *objective = form->optimizer->objective;
  size_t d = objective->loss->dim;
  double share = objective_batch_factor(objective, form->optimizer->micro_batch) *
                 limit_form_probability(objective);
  loss_mean_gradient(objective->loss, width, x, w->mean, w->scratch);
  sde_block_fill(d * (d + 1) / 2 * width, 0, w->covariance);
  for (size_t i = 0; i < objective->components; i++) {
    limit_form_deviation(objective, width, i, x, w->mean, w->column);
    limit_form_add_outer(d, width, share, w->column, w->column, w->covariance);
  }
  gaussian_norm_each(w->gaussian, width, w->covariance, w->mean, NULL, out);
}

/* out = grad E|Z| by central differences; the covariance depends on x. */
static void closure_gradient(const struct limit_form *form, struct limit_norm_workspace *w,
                             size_t width, const double *x, double *out)
{
  size_t d = form->optimizer->objective->loss->dim;
  const double h = 1e-5;
  memcpy(w->point, x, d * width * sizeof *x);
  for (size_t i = 0; i < d; i++) {
    double *moved = w->point + i * width, *slope = out + i * width;
    const double *kept = x + i * width;
    for (int sign = -1; sign <= 1; sign += 2) {
      for (size_t p = 0; p < width; p++)
        moved[p] = kept[p] + sign * h;
      closure_norm(form, w, width, w->point, sign < 0 ? w->norm_before : w->norm_after);
    }
    memcpy(moved, kept, width * sizeof *x);
    sde_block_shift(width, w->norm_after, -1, w->norm_before, slope);
    sde_block_scale(width, 1 / (2 * h), slope);
  }
}

/* out = the mean over fresh micro-batches I of H_I e, e = g_I/|g_I|. */
static void fresh_gradient(const struct limit_form *form, struct limit_norm_workspace *w,
                           const struct sde_instant *at, size_t width, const double *x, double *out)
{
  const struct objective *objective = form->optimizer->objective;
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width, m = w->fresh.size;
  sde_block_fill(size, 0, out);
  for (size_t s = 0; s < form->directions; s++) {
    struct sde_address address = limit_form_address(form, at, s);
    objective_draw(objective, &address, width, &w->fresh);
    objective_micro_gradient(objective, width, &w->fresh, 0, x, w->mean, w->scratch);
    optimizer_normalize(loss->dim, width, w->mean);
    for (size_t i = 0; i < m; i++) {
      struct loss_samples samples = {w->fresh.index + i * width, 1};
      loss->type->hessian_vector(loss, width, samples, x, w->mean, w->column);
      sde_block_add(size, 1 / (double)(m * form->directions), w->column, out);
    }
  }
}

void limit_norm_gradient(const struct limit_form *form, struct limit_norm_workspace *w,
                         const struct sde_instant *at, size_t width, const double *x,
                         const double *g, double *out)
{
  const struct loss *loss = form->optimizer->objective->loss;
  switch (form->norm) {
  case NORM_OF_MEAN:
    memcpy(w->mean, g, loss->dim * width * sizeof *g);
    optimizer_normalize(loss->dim, width, w->mean);
    loss_mean_hessian_vector(loss, width, x, w->mean, out, w->scratch);
    break;
  case NORM_OF_GAUSSIAN_NOISE:
    gaussian_norm_shared(form->basis, w->gaussian, width, g, w->mean, NULL);
    loss_mean_hessian_vector(loss, width, x, w->mean, out, w->scratch);
    break;
  case NORM_OF_CLOSURE:
    closure_gradient(form, w, width, x, out);
    break;
  case NORM_OF_FRESH:
    fresh_gradient(form, w, at, width, x, out);
    break;
  }
}
