/*
 * Limits: drift and noise of an optimizer's SDE. The formulas are those of theory.md section 3
 * (arXiv 2509.18001, theorems 3.3 to 3.5), with the same letters. See limit.h.
 */
#include "models/limit.h"

#include "models/affine_limit.h"
#include "models/enumeration.h"
#include "models/factor.h"
#include "models/gaussian_norm.h"
#include "sde/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
  ENUMERATION_MAX = 1024, /* micro-batches beyond which fresh directions are drawn instead */
  PAIRS_MAX = 65536,      /* the same for ordered pairs of disjoint micro-batches */
  DEFAULT_DIRECTIONS = 16
};

/* Where F and Sigma come from. */
enum form {
  FORM_POINT,      /* one gradient: g and V at x, or at x + rho g(x) */
  FORM_EXPANDED,   /* m-USAM to first order in rho */
  FORM_ENUMERATED, /* the directions of all micro-batches, linearised in rho or not */
  FORM_SAMPLED,    /* a few fresh directions a step */
  FORM_NORM        /* m-SAM to first order: g + rho grad E|g_I|, leading noise c(b) V */
};

struct limit {
  const struct optimizer *optimizer;
  struct limit_options options;
  struct sde_stream stream;
  enum form form;
  struct factor_plan plan;
  struct enumeration enumeration;
  bool pairs; /* enumerated without replacement: disjoint micro-batches are correlated */
  size_t directions;
  enum norm_source norm;             /* FORM_NORM: NORM_GAUSSIAN or NORM_SAMPLE */
  struct gaussian_norm_basis *basis; /* of c(m) V for Gaussian noise; else NULL */
  struct sde_system system;
  struct sde_system *affine; /* the same by interpolation, where that is cheaper; else NULL */
  char description[200];
};

struct limit_workspace {
  struct factor_workspace factor;
  struct optimizer_workspace *optimizer;
  double *g, *hg, *point, *gi, *hvi, *hgi, *v, *q, *column, *stacked, *scratch;
  double *directions; /* of all enumerated micro-batches, where pairs are needed */
  double *step, *before, *after, *end_point; /* for differences */
  struct micro_batches fresh;                /* FORM_NORM: one micro-batch */
  struct gaussian_norm_workspace *norm;
  double *covariance, *ones;
};

static void *workspace_new(const struct sde_system *system, size_t width)
{
  const struct limit *limit = system->context;
  struct limit_workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t size = system->dim * width;
  double **vectors[] = {&workspace->g,      &workspace->hg,    &workspace->point,
                        &workspace->gi,     &workspace->hvi,   &workspace->hgi,
                        &workspace->v,      &workspace->q,     &workspace->scratch,
                        &workspace->before, &workspace->after, &workspace->end_point};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    *vectors[i] = sde_alloc(size, sizeof(double));
  workspace->step = sde_alloc(width, sizeof(double));
  if (limit->form == FORM_NORM) {
    workspace->fresh =
        micro_batches_new(limit->optimizer->objective, limit->optimizer->micro_batch, 1, width);
    workspace->norm = gaussian_norm_workspace_new(system->dim);
    workspace->covariance = sde_alloc(system->dim * (system->dim + 1) / 2, width * sizeof(double));
    workspace->ones = sde_alloc(width, sizeof(double));
    sde_block_fill(width, 1, workspace->ones);
  }
  workspace->column = sde_alloc(2 * size, sizeof(double));
  workspace->stacked = sde_alloc(2 * size, sizeof(double));
  workspace->factor = factor_workspace_new(&limit->plan, width);
  workspace->optimizer = optimizer_workspace_new(limit->optimizer, width);
  if (limit->pairs)
    workspace->directions = sde_alloc(limit->enumeration.count, size * sizeof(double));
  return workspace;
}

static void workspace_free(void *memory)
{
  struct limit_workspace *workspace = memory;
  double *vectors[] = {workspace->g,         workspace->hg,         workspace->point,
                       workspace->gi,        workspace->hvi,        workspace->hgi,
                       workspace->v,         workspace->q,          workspace->column,
                       workspace->stacked,   workspace->scratch,    workspace->directions,
                       workspace->step,      workspace->before,     workspace->after,
                       workspace->end_point, workspace->covariance, workspace->ones};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    sde_free(vectors[i]);
  micro_batches_free(&workspace->fresh);
  if (workspace->norm != NULL)
    gaussian_norm_workspace_free(workspace->norm);
  factor_workspace_free(&workspace->factor);
  optimizer_workspace_free(workspace->optimizer);
  sde_free(workspace);
}

/* sqrt(eta) times the factor of the noise of a whole batch, given that of one sample. */
static double batch_scale(const struct limit *limit)
{
  const struct optimizer *optimizer = limit->optimizer;
  return sqrt(optimizer->eta * objective_batch_factor(optimizer->objective, optimizer->batch));
}

/* Each component's share in V = sum_i p_i delta g_i delta g_i^T. */
static double component_probability(const struct objective *objective)
{
  return objective->sampling == GAUSSIAN ? 1 : 1 / (double)objective->components;
}

/* delta g_i at x, given g there; noise potentials have no mean to subtract. */
static void deviation(const struct objective *objective, size_t width, size_t i, const double *x,
                      const double *g, double *out)
{
  objective_component_gradient(objective, width, i, x, out);
  if (objective->sampling != GAUSSIAN)
    sde_block_add(objective->loss->dim * width, -1, g, out);
}

/* F = g(y), Sigma = c(b) V(y) with y = x (SGD, and every optimizer to order 0 in rho) or
 * y = x + rho e (n-USAM with e = g(x), n-SAM with e = g/|g|), whose drift to first order is
 * g + rho H e. */
static void evaluate_point(const struct limit *limit, struct limit_workspace *w, size_t width,
                           const double *x, const double *dw, double *drift, double *noise)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width;
  const double *y = x, *gy = w->g;
  bool moved = limit->options.rho_order != RHO_ORDER_0 && optimizer->rho > 0 &&
               optimizer->type->perturbation == PERTURB_FULL_GRADIENT;
  loss_mean_gradient(loss, width, x, w->g, w->scratch);
  if (moved) {
    sde_block_fill(size, 0, w->v);
    sde_block_add(size, 1, w->g, w->v);
    if (optimizer->type->normalized)
      optimizer_normalize(loss->dim, width, w->v);
    sde_block_shift(size, x, optimizer->rho, w->v, w->point);
    loss_mean_gradient(loss, width, w->point, w->gi, w->scratch);
    y = w->point;
    gy = w->gi;
  }
  if (drift != NULL) {
    sde_block_fill(size, 0, drift);
    if (moved && limit->options.rho_order == RHO_ORDER_1) {
      loss_mean_hessian_vector(loss, width, x, w->v, w->hg, w->scratch);
      sde_block_add(size, -1, w->g, drift);
      sde_block_add(size, -optimizer->rho, w->hg, drift);
    } else {
      sde_block_add(size, -1, gy, drift);
    }
  }
  if (dw == NULL)
    return;
  factor_begin(&limit->plan, &w->factor, width);
  for (size_t i = 0; i < objective->components; i++) {
    deviation(objective, width, i, y, gy, w->column);
    factor_add(&limit->plan, &w->factor, width, i, component_probability(objective), w->column, dw);
  }
  factor_finish(&limit->plan, &w->factor, width, batch_scale(limit), dw, noise);
}

/* theta of theory.md section 3: how much of delta H_i delta g_i is in column i. */
static double theta(const struct optimizer *optimizer)
{
  double m = (double)optimizer->micro_batch, n = (double)optimizer->objective->loss->samples;
  switch (optimizer->objective->sampling) {
  case WITH_REPLACEMENT:
    return 1 / m;
  case WITHOUT_REPLACEMENT:
    return n <= 2 ? 0 : (n - 2 * m) / (m * (n - 2));
  default:
    return 0;
  }
}

/* One pass over the components, with h_i = rho (H_i v_i - H g), v_i = g + theta delta g_i: adds
 * the columns (delta g_i, h_i) to the factor, and q = (1/n) sum_i H_i g_i. */
static void expanded_pass(const struct limit *limit, struct limit_workspace *w, size_t width,
                          const double *x, const double *dw, bool want_q)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  size_t size = objective->loss->dim * width;
  double share = component_probability(objective), weight = theta(optimizer);
  bool stacked = limit->plan.dim > objective->loss->dim;
  factor_begin(&limit->plan, &w->factor, width);
  sde_block_fill(size, 0, w->q);
  for (size_t i = 0; i < objective->components; i++) {
    deviation(objective, width, i, x, w->g, w->column);
    if (stacked) {
      double *h = w->column + size;
      sde_block_shift(size, w->g, weight, w->column, w->v);
      objective_component_hessian_vector(objective, width, i, x, w->v, w->hvi);
      sde_block_shift(size, w->hvi, -1, w->hg, h);
      sde_block_scale(size, optimizer->rho, h);
    }
    if (want_q && weight == 1) {
      sde_block_add(size, share, w->hvi, w->q);
    } else if (want_q) {
      sde_block_shift(size, w->g, 1, w->column, w->gi);
      objective_component_hessian_vector(objective, width, i, x, w->gi, w->hgi);
      sde_block_add(size, share, w->hgi, w->q);
    }
    factor_add(&limit->plan, &w->factor, width, i, share, w->column, dw);
  }
}

/* m-USAM to first order in rho:
 *   F = g + rho [H g + c(m) (1/n) sum_i delta H_i delta g_i],
 *   Sigma = c(b)/n sum_i a_i a_i^T,
 *   a_i = delta g_i + rho [H delta g_i + delta H_i g + theta (delta H_i delta g_i - mean)].
 * a_i is (1 + rho (1 - theta) H) delta g_i + h_i up to its mean, so the noise is formed for the
 * stacked columns (delta g_i, h_i) and H is applied once, to the sum. */
static void evaluate_expanded(const struct limit *limit, struct limit_workspace *w, size_t width,
                              const double *x, const double *dw, double *drift, double *noise)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width;
  double rho = optimizer->rho;
  bool variance_term = limit->options.variance_term && objective->sampling != GAUSSIAN;
  loss_mean_gradient(loss, width, x, w->g, w->scratch);
  loss_mean_hessian_vector(loss, width, x, w->g, w->hg, w->scratch);
  if (dw != NULL || (drift != NULL && variance_term))
    expanded_pass(limit, w, width, x, dw, drift != NULL && variance_term);
  if (drift != NULL) {
    double c = variance_term ? objective_batch_factor(objective, optimizer->micro_batch) : 0;
    sde_block_fill(size, 0, drift);
    sde_block_add(size, -1, w->g, drift);
    sde_block_add(size, -rho * (1 - c), w->hg, drift);
    if (variance_term)
      sde_block_add(size, -rho * c, w->q, drift);
  }
  if (dw == NULL)
    return;
  factor_finish(&limit->plan, &w->factor, width, batch_scale(limit), dw, w->stacked);
  loss_mean_hessian_vector(loss, width, x, w->stacked, w->hvi, w->scratch);
  sde_block_shift(size, w->stacked, rho * (1 - theta(optimizer)), w->hvi, noise);
  if (limit->plan.dim > loss->dim)
    sde_block_add(size, 1, w->stacked + size, noise);
}

/* out = (1/m) sum of the gradients at x of the m samples. */
static void micro_gradient(const struct objective *objective, size_t width, size_t m,
                           const uint32_t *index, const double *x, double *out, double *scratch)
{
  size_t size = objective->loss->dim * width;
  sde_block_fill(size, 0, out);
  for (size_t i = 0; i < m; i++) {
    objective_component_gradient(objective, width, index[i], x, scratch);
    sde_block_add(size, 1 / (double)m, scratch, out);
  }
}

/* covariance += coefficient * sum_jk u_j other_k, lower triangle. */
SDE_VECTOR
static void add_outer(size_t dim, size_t width, double coefficient, const double *restrict u,
                      const double *restrict other, double *restrict covariance)
{
  for (size_t j = 0; j < dim; j++)
    for (size_t k = 0; k <= j; k++)
      for (size_t p = 0; p < width; p++)
        covariance[(j * (j + 1) / 2 + k) * width + p] +=
            coefficient * u[j * width + p] * other[k * width + p];
}

/* Cov u = (1/r) Cov u_I + (1 - 1/r) Cov(u_I, u_J) over ordered disjoint pairs; the factor holds
 * the raw second moment of u_I, and its mean products are subtracted later, once. */
static void add_disjoint_pairs(const struct limit *limit, struct limit_workspace *w, size_t width)
{
  const struct enumeration *all = &limit->enumeration;
  size_t dim = limit->system.dim, size = dim * width;
  double r = (double)(limit->optimizer->batch / limit->optimizer->micro_batch);
  sde_block_scale(dim * (dim + 1) / 2 * width, 1 / r, w->factor.covariance);
  for (size_t c = 0; c < all->count; c++) {
    size_t partners = 0;
    sde_block_fill(size, 0, w->scratch);
    for (size_t e = 0; e < all->count; e++)
      if (enumeration_disjoint(all, c, e)) {
        sde_block_add(size, 1, w->directions + e * size, w->scratch);
        partners++;
      }
    add_outer(dim, width, (1 - 1 / r) * all->probability[c] / (double)partners,
              w->directions + c * size, w->scratch, w->factor.covariance);
  }
}

/* out = (1/m) sum of the products of the m samples' Hessians at x with v. */
static void micro_hessian_vector(const struct objective *objective, size_t width, size_t m,
                                 const uint32_t *index, const double *x, const double *v,
                                 double *out, double *scratch)
{
  size_t size = objective->loss->dim * width;
  sde_block_fill(size, 0, out);
  for (size_t i = 0; i < m; i++) {
    objective_component_hessian_vector(objective, width, index[i], x, v, scratch);
    sde_block_add(size, 1 / (double)m, scratch, out);
  }
}

/* u_I - g of one micro-batch: g_I(x + rho e) - g, e = g_I or g_I/|g_I|, or to first order in rho
 * g_I - g + rho H_I e. */
static void micro_direction(const struct limit *limit, struct limit_workspace *w, size_t width,
                            const uint32_t *index, const double *x, double *u)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  size_t size = objective->loss->dim * width, m = limit->enumeration.size;
  micro_gradient(objective, width, m, index, x, w->gi, w->scratch);
  if (limit->options.rho_order == RHO_ORDER_1) {
    sde_block_shift(size, w->gi, -1, w->g, w->v);
    optimizer_normalize(objective->loss->dim, width, w->gi);
    micro_hessian_vector(objective, width, m, index, x, w->gi, w->hvi, w->scratch);
    sde_block_shift(size, w->v, optimizer->rho, w->hvi, u);
    return;
  }
  if (optimizer->type->normalized)
    optimizer_normalize(objective->loss->dim, width, w->gi);
  sde_block_shift(size, x, optimizer->rho, w->gi, w->point);
  micro_gradient(objective, width, m, index, w->point, u, w->scratch);
  sde_block_add(size, -1, w->g, u);
}

/* F and Sigma by enumeration of all micro-batches, as deviations from g. */
static void evaluate_enumerated(const struct limit *limit, struct limit_workspace *w, size_t width,
                                const double *x, const double *dw, double *drift, double *noise)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  const struct enumeration *all = &limit->enumeration;
  size_t size = objective->loss->dim * width, m = all->size;
  loss_mean_gradient(objective->loss, width, x, w->g, w->scratch);
  factor_begin(&limit->plan, &w->factor, width);
  for (size_t c = 0; c < all->count; c++) {
    const uint32_t *index = all->index + c * m;
    double *u = limit->pairs ? w->directions + c * size : w->column;
    micro_direction(limit, w, width, index, x, u);
    factor_add(&limit->plan, &w->factor, width, c, all->probability[c], u, dw);
  }
  if (drift != NULL) {
    sde_block_fill(size, 0, drift);
    sde_block_add(size, -1, w->g, drift);
    sde_block_add(size, -1, w->factor.mean, drift);
  }
  if (dw == NULL)
    return;
  double share = (double)m / (double)optimizer->batch; /* 1/r */
  if (limit->pairs)
    add_disjoint_pairs(limit, w, width);
  else if (m == 1)
    share = objective_batch_factor(objective, optimizer->batch);
  factor_finish(&limit->plan, &w->factor, width, sqrt(optimizer->eta * (limit->pairs ? 1 : share)),
                dw, noise);
}

/* F and Sigma from fresh directions: unbiased, with spurious noise of relative size dt/eta over
 * their number. */
static void evaluate_sampled(const struct limit *limit, struct limit_workspace *w,
                             const struct sde_instant *at, size_t width, const double *x,
                             const double *dw, double *drift, double *noise)
{
  const struct optimizer *optimizer = limit->optimizer;
  size_t size = optimizer->objective->loss->dim * width, count = limit->directions;
  struct sde_address address = {limit->stream, at->first_path, 0};
  loss_mean_gradient(optimizer->objective->loss, width, x, w->g, w->scratch);
  factor_begin(&limit->plan, &w->factor, width);
  for (size_t s = 0; s < count; s++) {
    address.step = at->step * count + s;
    optimizer_direction(optimizer, w->optimizer, &address, width, x, w->column);
    sde_block_add(size, -1, w->g, w->column);
    factor_add(&limit->plan, &w->factor, width, s, 1 / (double)count, w->column, dw);
  }
  if (drift != NULL) {
    sde_block_fill(size, 0, drift);
    sde_block_add(size, -1, w->g, drift);
    sde_block_add(size, -1, w->factor.mean, drift);
  }
  if (dw != NULL)
    factor_finish(&limit->plan, &w->factor, width,
                  sqrt(optimizer->eta * (double)count / (double)(count - 1)), dw, noise);
}

/* sum += H_I e/count over one fresh micro-batch I, e = g_I/|g_I|. */
static void add_fresh_term(const struct limit *limit, struct limit_workspace *w, size_t width,
                           const double *x, double *sum)
{
  const struct objective *objective = limit->optimizer->objective;
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width, m = w->fresh.size;
  objective_micro_gradient(objective, width, &w->fresh, 0, x, w->gi, w->scratch);
  optimizer_normalize(loss->dim, width, w->gi);
  for (size_t i = 0; i < m; i++) {
    struct loss_samples samples = {w->fresh.index + i * width, 1};
    loss->type->hessian_vector(loss, width, samples, x, w->gi, w->hvi);
    sde_block_add(size, 1 / (double)(m * limit->directions), w->hvi, sum);
  }
}

/* out = E|Z|, Z ~ N(g, c(m) V), at x. */
static void closure_norm(const struct limit *limit, struct limit_workspace *w, size_t width,
                         const double *x, double *out)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  size_t dim = objective->loss->dim;
  double c = objective_batch_factor(objective, optimizer->micro_batch);
  loss_mean_gradient(objective->loss, width, x, w->gi, w->scratch);
  sde_block_fill(dim * (dim + 1) / 2 * width, 0, w->covariance);
  for (size_t i = 0; i < objective->components; i++) {
    deviation(objective, width, i, x, w->gi, w->hvi);
    add_outer(dim, width, c * component_probability(objective), w->hvi, w->hvi, w->covariance);
  }
  gaussian_norm_each(w->norm, width, w->covariance, w->gi, NULL, out);
}

/* out = grad E|Z| by central differences; the covariance depends on x. */
static void closure_gradient(const struct limit *limit, struct limit_workspace *w, size_t width,
                             const double *x, double *out)
{
  size_t dim = limit->system.dim;
  double *point = w->column, *before = w->stacked, *after = w->stacked + width;
  const double h = 1e-5;
  memcpy(point, x, dim * width * sizeof *x);
  for (size_t i = 0; i < dim; i++) {
    for (int sign = -1; sign <= 1; sign += 2) {
      sde_block_shift(width, x + i * width, sign * h, w->ones, point + i * width);
      closure_norm(limit, w, width, point, sign < 0 ? before : after);
    }
    memcpy(point + i * width, x + i * width, width * sizeof *x);
    sde_block_shift(width, after, -1, before, out + i * width);
    sde_block_scale(width, 1 / (2 * h), out + i * width);
  }
}

/* out = grad E|g_I|, or H g/|g| where the variance term is left out. */
static void norm_gradient(const struct limit *limit, struct limit_workspace *w,
                          const struct sde_instant *at, size_t width, const double *x, double *out)
{
  const struct objective *objective = limit->optimizer->objective;
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width;
  bool plain = !limit->options.variance_term;
  if (plain || objective->sampling == GAUSSIAN) {
    memcpy(w->v, w->g, size * sizeof *w->v);
    if (plain)
      optimizer_normalize(loss->dim, width, w->v);
    else
      gaussian_norm_shared(limit->basis, w->norm, width, w->g, w->v, NULL);
    loss_mean_hessian_vector(loss, width, x, w->v, out, w->scratch);
  } else if (limit->norm == NORM_GAUSSIAN) {
    closure_gradient(limit, w, width, x, out);
  } else {
    struct sde_address address = {limit->stream, at->first_path, 0};
    sde_block_fill(size, 0, out);
    for (size_t s = 0; s < limit->directions; s++) {
      address.step = at->step * limit->directions + s;
      objective_draw(objective, &address, width, &w->fresh);
      add_fresh_term(limit, w, width, x, out);
    }
  }
}

/* m-SAM to first order: F = g + rho grad E|g_I|, with the leading noise c(b) V. The part of Sigma
 * of order rho is left out, which costs O(eta rho). */
static void evaluate_norm(const struct limit *limit, struct limit_workspace *w,
                          const struct sde_instant *at, size_t width, const double *x,
                          const double *dw, double *drift, double *noise)
{
  const struct objective *objective = limit->optimizer->objective;
  size_t size = objective->loss->dim * width;
  loss_mean_gradient(objective->loss, width, x, w->g, w->scratch);
  if (drift != NULL) {
    norm_gradient(limit, w, at, width, x, w->hg);
    sde_block_fill(size, 0, drift);
    sde_block_add(size, -1, w->g, drift);
    sde_block_add(size, -limit->optimizer->rho, w->hg, drift);
  }
  if (dw == NULL)
    return;
  factor_begin(&limit->plan, &w->factor, width);
  for (size_t i = 0; i < objective->components; i++) {
    deviation(objective, width, i, x, w->g, w->column);
    factor_add(&limit->plan, &w->factor, width, i, component_probability(objective), w->column, dw);
  }
  factor_finish(&limit->plan, &w->factor, width, batch_scale(limit), dw, noise);
}

static void evaluate_first_order(const struct limit *limit, struct limit_workspace *workspace,
                                 const struct sde_instant *at, size_t width, const double *x,
                                 const double *dw, double *drift, double *noise)
{
  switch (limit->form) {
  case FORM_POINT:
    evaluate_point(limit, workspace, width, x, dw, drift, noise);
    break;
  case FORM_EXPANDED:
    evaluate_expanded(limit, workspace, width, x, dw, drift, noise);
    break;
  case FORM_ENUMERATED:
    evaluate_enumerated(limit, workspace, width, x, dw, drift, noise);
    break;
  case FORM_SAMPLED:
    evaluate_sampled(limit, workspace, at, width, x, dw, drift, noise);
    break;
  case FORM_NORM:
    evaluate_norm(limit, workspace, at, width, x, dw, drift, noise);
    break;
  }
}

/* step[p] = h with h |a| = 1e-5 (1 + |x|), so that a(x + h a) and a(x - h a) differ by enough. */
static void difference_steps(size_t dim, size_t width, const double *x, const double *a,
                             double *step)
{
  for (size_t p = 0; p < width; p++) {
    double xx = 0, aa = 0;
    for (size_t i = 0; i < dim; i++) {
      xx += x[i * width + p] * x[i * width + p];
      aa += a[i * width + p] * a[i * width + p];
    }
    step[p] = aa > 0 ? 1e-5 * (1 + sqrt(xx)) / sqrt(aa) : 1;
  }
}

/* a <- a - (eta/2) Da a for the drift a = -F, that is F <- F + (eta/2) DF F, the derivative along
 * a by central differences. Where F is estimated from fresh directions, Da comes from others than
 * a, for the product of two estimates must have independent errors; both of its ends share them. */
static void add_second_order(const struct limit *limit, struct limit_workspace *w,
                             const struct sde_instant *at, size_t width, const double *x,
                             double *drift)
{
  size_t dim = limit->system.dim, size = dim * width;
  struct sde_instant other = *at;
  other.step = ~at->step & (UINT64_MAX >> 30);
  difference_steps(dim, width, x, drift, w->step);
  for (int sign = -1; sign <= 1; sign += 2) {
    double *end = sign < 0 ? w->before : w->after;
    for (size_t i = 0; i < size; i++)
      w->end_point[i] = x[i] + sign * w->step[i % width] * drift[i];
    evaluate_first_order(limit, w, &other, width, w->end_point, NULL, end, NULL);
  }
  double eta = limit->optimizer->eta;
  for (size_t i = 0; i < size; i++)
    drift[i] -= eta / 2 * (w->after[i] - w->before[i]) / (2 * w->step[i % width]);
}

static void evaluate(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  const struct limit *limit = system->context;
  evaluate_first_order(limit, workspace, at, width, x, dw, drift, noise);
  if (drift != NULL && limit->options.eta_order == 2)
    add_second_order(limit, workspace, at, width, x, drift);
}

static void evaluate_without_second_order(const struct sde_system *system, void *workspace,
                                          const struct sde_instant *at, size_t width,
                                          const double *x, const double *dw, double *drift,
                                          double *noise)
{
  evaluate_first_order(system->context, workspace, at, width, x, dw, drift, noise);
}

/* Can F and Sigma be had by enumeration? Sets limit->pairs. */
static bool can_enumerate(struct limit *limit)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  size_t n = objective->components, m = optimizer->micro_batch, r = optimizer->batch / m;
  bool replacement = objective->sampling == WITH_REPLACEMENT;
  if (objective->sampling == GAUSSIAN || limit->options.directions > 0)
    return false;
  if (m == 1)
    return true;
  size_t count = enumeration_count(n, m, replacement, ENUMERATION_MAX);
  limit->pairs = !replacement && r > 1;
  return count != SIZE_MAX &&
         (!limit->pairs || enumeration_count(n - m, m, false, PAIRS_MAX / count) != SIZE_MAX);
}

static void use_enumeration(struct limit *limit)
{
  const struct objective *objective = limit->optimizer->objective;
  limit->form = FORM_ENUMERATED;
  limit->enumeration = enumeration_new(objective->components, limit->optimizer->micro_batch,
                                       objective->sampling == WITH_REPLACEMENT);
  limit->plan = factor_plan(objective->loss->dim, limit->enumeration.count, true,
                            limit->pairs ? FACTOR_CHOLESKY : limit->options.factor);
}

static void use_samples(struct limit *limit, enum form form, size_t columns, bool centred)
{
  const struct limit_options *options = &limit->options;
  limit->form = form;
  limit->pairs = false;
  limit->directions = options->directions > 0 ? options->directions : DEFAULT_DIRECTIONS;
  limit->plan = factor_plan(limit->optimizer->objective->loss->dim,
                            columns > 0 ? columns : limit->directions, centred, options->factor);
}

/* The eigenvectors of c(m) J J^T. */
static struct gaussian_norm_basis *noise_basis(const struct limit *limit)
{
  const struct objective *objective = limit->optimizer->objective;
  size_t d = objective->loss->dim, k = objective->components;
  double c = objective_batch_factor(objective, limit->optimizer->micro_batch);
  double *covariance = sde_alloc(d, d * sizeof *covariance);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      for (size_t l = 0; l < k; l++)
        covariance[i * d + j] += c * objective->factor[i * k + l] * objective->factor[j * k + l];
  struct gaussian_norm_basis *basis = gaussian_norm_basis_new(d, covariance);
  sde_free(covariance);
  return basis;
}

/* m-SAM to first order in rho: by all micro-batches where they are few, else with leading noise and
 * E|g_I| by the Gaussian integral, which is exact for Gaussian noise, or by fresh micro-batches. */
static void choose_norm(struct limit *limit)
{
  const struct objective *objective = limit->optimizer->objective;
  enum norm_source wanted = limit->options.norm;
  bool gaussian = objective->sampling == GAUSSIAN;
  if ((wanted == NORM_AUTO || wanted == NORM_ENUMERATE) && limit->options.variance_term &&
      can_enumerate(limit)) {
    use_enumeration(limit);
    return;
  }
  use_samples(limit, FORM_NORM, objective->components, !gaussian);
  limit->norm = wanted == NORM_GAUSSIAN || gaussian ? NORM_GAUSSIAN : NORM_SAMPLE;
  if (gaussian)
    limit->basis = noise_basis(limit);
}

/* Choose the form, and with it the noise factor. */
static void choose_form(struct limit *limit)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  const struct limit_options *options = &limit->options;
  size_t d = objective->loss->dim, n = objective->components;
  bool gaussian = objective->sampling == GAUSSIAN;
  enum perturbation by = optimizer->type->perturbation;
  bool unnormalized = !optimizer->type->normalized;
  if (by == PERTURB_NOTHING || by == PERTURB_FULL_GRADIENT || optimizer->rho == 0 ||
      options->rho_order == RHO_ORDER_0) {
    limit->form = FORM_POINT;
    limit->plan = factor_plan(d, n, !gaussian, options->factor);
  } else if (by == PERTURB_REWEIGHTED_GRADIENT) {
    use_samples(limit, FORM_SAMPLED, 0, true);
  } else if (unnormalized &&
             (options->rho_order == RHO_ORDER_1 || (gaussian && objective->loss->quadratic))) {
    /* Gaussian noise on a quadratic makes u affine in x and xi: the expansion is then exact. */
    limit->form = FORM_EXPANDED;
    limit->plan = factor_plan(gaussian ? d : 2 * d, n, !gaussian, options->factor);
  } else if (options->rho_order == RHO_ORDER_1) {
    choose_norm(limit);
  } else if (can_enumerate(limit)) {
    use_enumeration(limit);
  } else {
    use_samples(limit, FORM_SAMPLED, 0, true);
  }
}

/* Noise potentials are linear, so their noise is additive unless a Hessian that varies carries
 * them. */
static enum sde_noise_class noise_class(const struct limit *limit)
{
  const struct objective *objective = limit->optimizer->objective;
  if (objective->sampling == GAUSSIAN &&
      (limit->form == FORM_POINT || limit->form == FORM_NORM ||
       (limit->form == FORM_EXPANDED && objective->loss->quadratic)))
    return SDE_NOISE_ADDITIVE;
  return factor_noise_dim(&limit->plan) == 1 ? SDE_NOISE_SCALAR : SDE_NOISE_GENERAL;
}

/* Evaluations of the components' gradients and Hessian-vector products, and the noise factor, in
 * multiply-adds a path. */
static double general_cost(const struct limit *limit)
{
  double d = (double)limit->system.dim, n = (double)limit->optimizer->objective->components;
  double columns = (double)limit->plan.columns, m = (double)limit->optimizer->micro_batch;
  double component = 2 * d, passes = limit->form == FORM_EXPANDED ? 6 * n : 2 * n;
  double factor = limit->plan.cholesky
                      ? columns * (double)limit->plan.dim * (double)limit->plan.dim / 2
                      : columns * (FACTOR_NORMAL_COST + (double)limit->plan.dim);
  return component * passes + factor +
         (limit->form == FORM_ENUMERATED ? 2 * m * columns * component : 0);
}

/* Are F affine and Sigma quadratic in x? */
static bool is_affine(const struct limit *limit)
{
  const struct optimizer *optimizer = limit->optimizer;
  return optimizer->objective->loss->quadratic && limit->form != FORM_SAMPLED &&
         (limit->form == FORM_POINT ? !optimizer->type->normalized || optimizer->rho == 0 ||
                                          limit->options.rho_order == RHO_ORDER_0
                                    : !optimizer->type->normalized);
}

/* Quadratic losses under index sampling have affine limits, worth learning where they are cheaper;
 * the general form is then evaluated with a Cholesky factor, a few times. */
static void choose_affine(struct limit *limit)
{
  const struct optimizer *optimizer = limit->optimizer;
  if (!is_affine(limit) || optimizer->objective->sampling == GAUSSIAN ||
      limit->options.factor != FACTOR_AUTO ||
      affine_limit_cost(limit->system.dim, FACTOR_NORMAL_COST) > general_cost(limit))
    return;
  limit->plan.cholesky = true;
  limit->system.noise_dim = factor_noise_dim(&limit->plan);
  limit->system.evaluate = evaluate_without_second_order;
  limit->affine =
      affine_limit_new(&limit->system, limit->options.eta_order == 2 ? optimizer->eta : 0);
}

struct sde_linear_direction *limit_direction_new(const struct limit *limit)
{
  size_t d = limit->system.dim, pairs = (d + 1) * (d + 2) / 2;
  if (!is_affine(limit) || d > SDE_LINEAR_LARGEST_DIM)
    return NULL;
  struct sde_system first_order = limit->system;
  first_order.evaluate = evaluate_without_second_order;
  struct affine_coefficients learnt = affine_coefficients_new(&first_order);
  sde_block_scale(d * d, -1, learnt.matrix);
  sde_block_scale(d, -1, learnt.constant);
  sde_block_scale(d * (d + 1) / 2 * pairs, 1 / limit->optimizer->eta, learnt.tensor);
  struct sde_linear_direction *direction = sde_alloc(1, sizeof *direction);
  *direction = (struct sde_linear_direction){d, learnt.matrix, learnt.constant, learnt.tensor};
  return direction;
}

void limit_direction_free(struct sde_linear_direction *direction)
{
  if (direction == NULL)
    return;
  sde_free((double *)direction->matrix);
  sde_free((double *)direction->constant);
  sde_free((double *)direction->covariance);
  sde_free(direction);
}

static void describe(struct limit *limit)
{
  static const char *const orders[] = {"rho_order 0", "rho_order 1", "rho_order exact"};
  char source[80] = "";
  if (limit->form == FORM_ENUMERATED)
    snprintf(source, sizeof source, ", %zu micro-batches enumerated", limit->enumeration.count);
  else if (limit->form == FORM_SAMPLED)
    snprintf(source, sizeof source, ", %zu fresh directions a step", limit->directions);
  else if (limit->form == FORM_NORM && !limit->options.variance_term)
    snprintf(source, sizeof source, ", |g| in the place of E|g_I|");
  else if (limit->form == FORM_NORM && limit->norm == NORM_GAUSSIAN)
    snprintf(source, sizeof source, ", E|g_I| by the Gaussian integral");
  else if (limit->form == FORM_NORM)
    snprintf(source, sizeof source, ", E|g_I| from %zu fresh micro-batches a step",
             limit->directions);
  const struct sde_system *system = limit_system(limit);
  snprintf(limit->description, sizeof limit->description,
           "%s%s, %snoise factor by %s (%zu Wiener processes, %s noise)",
           orders[limit->options.rho_order], source,
           limit->affine != NULL ? "affine drift and quadratic covariance, " : "",
           limit->plan.cholesky ? "Cholesky" : "columns", system->noise_dim,
           sde_noise_class_name(system->noise));
}

static bool check_options(const struct optimizer *optimizer, const struct limit_options *options,
                          const char *place, struct sde_status *status)
{
  if (!options->variance_term && options->rho_order == RHO_ORDER_EXACT &&
      optimizer->type->perturbation == PERTURB_MICRO_GRADIENT)
    return sde_fail(status, SDE_INVALID,
                    "%s: variance_term: false needs rho_order 1; with rho_order exact the term "
                    "cannot be told from the rest of the drift",
                    place);
  if (options->eta_order != 1 && options->eta_order != 2)
    return sde_fail(status, SDE_INVALID, "%s: eta_order %d is not known; it must be 1 or 2", place,
                    options->eta_order);
  if (optimizer->type->perturbation == PERTURB_REWEIGHTED_GRADIENT &&
      options->rho_order == RHO_ORDER_1)
    return sde_fail(status, SDE_INVALID,
                    "%s: %s has no expansion in rho; rho_order must be 0 or exact", place,
                    optimizer->type->name);
  if (options->directions == 1)
    return sde_fail(status, SDE_INVALID,
                    "%s: one direction a step has no covariance; directions must be at least 2, or "
                    "0 for the default",
                    place);
  return true;
}

/* Can E|g_I| be had in the way that was asked for? */
static bool check_norm(const struct limit *limit, const char *place, struct sde_status *status)
{
  const struct objective *objective = limit->optimizer->objective;
  enum norm_source wanted = limit->options.norm;
  if (limit->form != FORM_NORM || !limit->options.variance_term)
    return true;
  if (objective->sampling == GAUSSIAN && wanted != NORM_AUTO && wanted != NORM_GAUSSIAN)
    return sde_fail(status, SDE_INVALID,
                    "%s: Gaussian noise has no micro-batches of samples; norm must be auto or "
                    "gaussian",
                    place);
  if (wanted == NORM_ENUMERATE && limit->options.directions > 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: norm: enumerate draws no directions; directions must be 0", place);
  if (wanted == NORM_ENUMERATE)
    return sde_fail(status, SDE_INVALID,
                    "%s: the micro-batches of %zu of %zu samples are too many to enumerate; norm "
                    "must be auto, gaussian or sample",
                    place, limit->optimizer->micro_batch, objective->components);
  return true;
}

struct limit *limit_new(const struct optimizer *optimizer, const struct limit_options *options,
                        struct sde_stream stream, const char *place, struct sde_status *status)
{
  if (!check_options(optimizer, options, place, status))
    return NULL;
  struct limit *limit = sde_alloc(1, sizeof *limit);
  limit->optimizer = optimizer;
  limit->options = *options;
  limit->stream = stream;
  choose_form(limit);
  if (!check_norm(limit, place, status)) {
    limit_free(limit);
    return NULL;
  }
  limit->system = (struct sde_system){.name = optimizer->type->name,
                                      .dim = optimizer->objective->loss->dim,
                                      .noise_dim = factor_noise_dim(&limit->plan),
                                      .noise = noise_class(limit),
                                      .context = limit,
                                      .workspace_new = workspace_new,
                                      .workspace_free = workspace_free,
                                      .evaluate = evaluate};
  choose_affine(limit);
  describe(limit);
  return limit;
}

void limit_free(struct limit *limit)
{
  if (limit == NULL)
    return;
  affine_limit_free(limit->affine);
  if (limit->basis != NULL)
    gaussian_norm_basis_free(limit->basis);
  enumeration_free(&limit->enumeration);
  sde_free(limit);
}

const struct sde_system *limit_system(const struct limit *limit)
{
  return limit->affine != NULL ? limit->affine : &limit->system;
}

const struct limit_options *limit_options_of(const struct limit *limit)
{
  return &limit->options;
}

const char *limit_description(const struct limit *limit)
{
  return limit->description;
}
