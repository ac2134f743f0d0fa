/*
 * The norm in the drift of m-SAM to first order in rho, F = g + rho grad E|g_I|: its gradient in
 * each way it can be computed. arXiv 2509.18001, theorems 3.6 to 3.8; theory.md 4. See
 * limit_forms.h.
 */
#include "models/limit_forms.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

struct limit_norm_workspace {
  double *mean, *column, *scratch; /* dim * width */
  struct gaussian_norm_workspace *gaussian;
  struct micro_batches fresh; /* LIMIT_NORM_OF_FRESH: one micro-batch */
  /* LIMIT_NORM_OF_CLOSURE: dim (dim+1)/2 * width, twice; dim^2 * width; dim * width; width. */
  double *covariance, *lower, *curvature, *before, *step;
};

struct limit_norm_workspace *limit_norm_workspace_new(const struct limit_form *form, size_t width)
{
  const struct objective *objective = form->optimizer->objective;
  struct limit_norm_workspace *w = sde_alloc(1, sizeof *w);
  size_t d = objective->loss->dim;
  w->mean = sde_alloc(d, width * sizeof(double));
  w->column = sde_alloc(d, width * sizeof(double));
  w->scratch = sde_alloc(d, width * sizeof(double));
  if (form->norm == LIMIT_NORM_OF_GAUSSIAN_NOISE || form->norm == LIMIT_NORM_OF_CLOSURE)
    w->gaussian = gaussian_norm_workspace_new(d);
  if (form->norm == LIMIT_NORM_OF_FRESH)
    w->fresh = micro_batches_new(objective, form->optimizer->micro_batch, 1, width);
  if (form->norm == LIMIT_NORM_OF_CLOSURE) {
    w->covariance = sde_alloc(d * (d + 1) / 2, width * sizeof(double));
    w->curvature = sde_alloc(d * d, width * sizeof(double));
    w->before = sde_alloc(d, width * sizeof(double));
    w->lower = sde_alloc(d * (d + 1) / 2, width * sizeof(double));
    w->step = sde_alloc(width, sizeof(double));
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
  sde_free(w->covariance);
  sde_free(w->curvature);
  sde_free(w->before);
  sde_free(w->lower);
  sde_free(w->step);
  sde_free(w);
}

struct gaussian_norm_basis *limit_norm_basis_new(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  size_t d = objective->loss->dim, k = objective->components;
  double c = objective_batch_factor(objective, optimizer->micro_batch);
  const double *factor = objective->noise->factor;
  double *covariance = sde_alloc(d, d * sizeof *covariance);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      for (size_t l = 0; l < k; l++)
        covariance[i * d + j] += c * factor[i * k + l] * factor[j * k + l];
  struct gaussian_norm_basis *basis = gaussian_norm_basis_new(d, covariance);
  sde_free(covariance);
  return basis;
}

/* covariance = c(m) V at x, given g there, and lower L with L L^T the same. */
static void closure_covariance(const struct limit_form *form, struct limit_norm_workspace *w,
                               double share, size_t width, const double *x, const double *g)
{
  const struct objective *objective = form->optimizer->objective;
  size_t d = objective->loss->dim, size = d * (d + 1) / 2 * width;
  sde_block_fill(size, 0, w->covariance);
  for (size_t i = 0; i < objective->components; i++) {
    objective_component_deviation(objective, width, i, x, g, w->column);
    limit_form_add_outer(d, width, share, w->column, w->column, w->covariance);
  }
  memcpy(w->lower, w->covariance, size * sizeof *w->lower);
  factor_cholesky(d, width, w->lower);
}

/* column = L_k, and step[p] the multiple of it that is 1e-4 (|g|^2 + tr c(m) V)^(1/2) long: small
 * beside Z ~ N(g, c(m) V) and large beside its rounding, whatever the size of x. */
static void closure_step(struct limit_norm_workspace *w, size_t d, size_t width, size_t k,
                         const double *g)
{
  for (size_t p = 0; p < width; p++) {
    double square = 0, length = 0;
    for (size_t j = 0; j < d; j++) {
      double entry = j < k ? 0 : w->lower[(j * (j + 1) / 2 + k) * width + p];
      square += g[j * width + p] * g[j * width + p] + w->covariance[j * (j + 3) / 2 * width + p];
      length += entry * entry;
      w->column[j * width + p] = entry;
    }
    w->step[p] = length > 0 ? 1e-4 * sqrt(square / length) : 1;
  }
}

/* curvature[(k*d + j)*width + p] = (M L_k)_j, M = d E[Z/|Z|] / d mu for Z ~ N(mu, c(m) V) at mu =
 * g, by central differences along L_k: where c(m) V is singular, M is finite in its range alone. */
static void closure_curvature(struct limit_norm_workspace *w, size_t d, size_t width,
                              const double *g)
{
  for (size_t k = 0; k < d; k++) {
    double *out = w->curvature + k * d * width;
    closure_step(w, d, width, k, g);
    for (int sign = -1; sign <= 1; sign += 2) {
      for (size_t i = 0; i < d * width; i++)
        w->mean[i] = g[i] + sign * w->step[i % width] * w->column[i];
      gaussian_norm_each(w->gaussian, width, w->covariance, w->mean, sign < 0 ? w->before : out,
                         NULL);
    }
    for (size_t i = 0; i < d * width; i++)
      out[i] = (out[i] - w->before[i]) / (2 * w->step[i % width]);
  }
}

/* out = M v for v in the range of L: v = L q by substitution, M v = sum_k q_k M L_k. */
SDE_VECTOR
static void multiply_curvature(size_t dim, size_t width, const double *restrict lower,
                               const double *restrict curvature, const double *restrict v,
                               double *restrict q, double *restrict out)
{
  for (size_t i = 0; i < dim * width; i++)
    out[i] = 0;
  for (size_t k = 0; k < dim; k++) {
    const double *row = lower + k * (k + 1) / 2 * width;
    double *own = q + k * width;
    for (size_t p = 0; p < width; p++)
      own[p] = v[k * width + p];
    for (size_t l = 0; l < k; l++)
      for (size_t p = 0; p < width; p++)
        own[p] -= row[l * width + p] * q[l * width + p];
    for (size_t p = 0; p < width; p++)
      own[p] = row[k * width + p] == 0 ? 0 : own[p] / row[k * width + p];
    for (size_t j = 0; j < dim; j++)
      for (size_t p = 0; p < width; p++)
        out[j * width + p] += own[p] * curvature[(k * dim + j) * width + p];
  }
}

/* out = grad E|Z|, Z = g + sum_i (c(m)/n)^(1/2) w_i dg_i with normal w_i: g and dg_i move with x.
 * With e = Z/|Z| and Stein's E[w_i e] = (c(m)/n)^(1/2) M dg_i,
 *   grad E|Z| = H E e + (c(m)/n) sum_i H_i M dg_i. */
static void closure_gradient(const struct limit_form *form, struct limit_norm_workspace *w,
                             size_t width, const double *x, const double *g, double *out)
{
  const struct objective *objective = form->optimizer->objective;
  size_t d = objective->loss->dim;
  double share = objective_batch_factor(objective, form->optimizer->micro_batch) *
                 objective_component_weight(objective);
  closure_covariance(form, w, share, width, x, g);
  closure_curvature(w, d, width, g);
  gaussian_norm_each(w->gaussian, width, w->covariance, g, w->mean, NULL);
  loss_mean_hessian_vector(objective->loss, width, x, w->mean, out, w->scratch);
  for (size_t i = 0; i < objective->components; i++) {
    objective_component_deviation(objective, width, i, x, g, w->column);
    multiply_curvature(d, width, w->lower, w->curvature, w->column, w->before, w->mean);
    objective_component_hessian_vector(objective, width, i, x, w->mean, w->column);
    sde_block_add(d * width, share, w->column, out);
  }
}

/* out += share * m H_I e for the micro-batch that stands in the workspace, e in w->mean. */
static void add_hessian_vector(const struct objective *objective, struct limit_norm_workspace *w,
                               size_t width, const double *x, double share, double *out)
{
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width, m = w->fresh.size;
  if (objective->sampling == OBJECTIVE_GAUSSIAN) {
    loss_mean_hessian_vector(loss, width, x, w->mean, w->column, w->scratch);
    noise_add_hessian_vector(objective->noise, width, x, w->fresh.weight, w->mean, w->column,
                             w->scratch);
    sde_block_add(size, share * (double)m, w->column, out);
    return;
  }
  for (size_t i = 0; i < m; i++) {
    struct loss_samples samples = {w->fresh.index + i * width, 1};
    loss->type->hessian_vector(loss, width, samples, x, w->mean, w->column);
    sde_block_add(size, share, w->column, out);
  }
}

/* out = the mean over fresh micro-batches I of H_I e, e = g_I/|g_I|. */
static void fresh_gradient(const struct limit_form *form, struct limit_norm_workspace *w,
                           const struct sde_instant *at, size_t width, const double *x, double *out)
{
  const struct objective *objective = form->optimizer->objective;
  const struct loss *loss = objective->loss;
  sde_block_fill(loss->dim * width, 0, out);
  for (size_t s = 0; s < form->directions; s++) {
    struct sde_address address = limit_form_address(form, at, s);
    objective_draw(objective, &address, width, &w->fresh);
    objective_micro_gradient(objective, width, &w->fresh, 0, x, w->mean, w->scratch);
    gradient_normalize(loss->dim, width, w->mean);
    add_hessian_vector(objective, w, width, x, 1 / (double)(w->fresh.size * form->directions), out);
  }
}

void limit_norm_gradient(const struct limit_form *form, struct limit_norm_workspace *w,
                         const struct sde_instant *at, size_t width, const double *x,
                         const double *g, double *out)
{
  const struct loss *loss = form->optimizer->objective->loss;
  switch (form->norm) {
  case LIMIT_NORM_OF_MEAN:
    memcpy(w->mean, g, loss->dim * width * sizeof *g);
    gradient_normalize(loss->dim, width, w->mean);
    loss_mean_hessian_vector(loss, width, x, w->mean, out, w->scratch);
    break;
  case LIMIT_NORM_OF_GAUSSIAN_NOISE:
    gaussian_norm_shared(form->basis, w->gaussian, width, g, w->mean, NULL);
    loss_mean_hessian_vector(loss, width, x, w->mean, out, w->scratch);
    break;
  case LIMIT_NORM_OF_CLOSURE:
    closure_gradient(form, w, width, x, g, out);
    break;
  case LIMIT_NORM_OF_FRESH:
    fresh_gradient(form, w, at, width, x, out);
    break;
  }
}
