/*
 * The forms of a limit, evaluated: F and Sigma from one gradient, from the expansion in rho, with
 * the gradient of E|g_I| of limit_norm.c, or by limit_directions.c from the rule's directions.
 * arXiv 2509.18001, theorems 3.3 to 3.8; theory.md section 3. See limit_forms.h.
 */
#include "models/limit_forms.h"

#include "models/generalized_sums.h"
#include "sde/block.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { VECTORS = 9 };

static void list_vectors(struct limit_form_workspace *w, double **list[VECTORS])
{
  double **all[VECTORS] = {&w->g,   &w->hg, &w->point, &w->gi,     &w->hvi,
                           &w->hgi, &w->v,  &w->q,     &w->scratch};
  memcpy(list, all, sizeof all);
}

/* For what is asked of the gradient rule: nothing, its perturbation of a point, or its directions,
 * of micro-batches that are drawn or of one draw for the whole block. */
static struct optimizer_workspace *rule_workspace_new(const struct limit_form *form, size_t width)
{
  const struct optimizer *optimizer = form->optimizer;
  size_t size = optimizer->micro_batch;
  size_t count = form->whole_batches ? optimizer->batch / size : 1;
  if (form->kind == LIMIT_FORM_EXPANDED || form->kind == LIMIT_FORM_NORM)
    return NULL;
  if (form->kind == LIMIT_FORM_SAMPLED)
    return optimizer_workspace_new(optimizer, width);
  return optimizer_workspace_of(optimizer, micro_batches_shared(size, count, NULL), width);
}

struct limit_form_workspace *limit_form_workspace_new(const struct limit_form *form, size_t width)
{
  struct limit_form_workspace *w = sde_alloc(1, sizeof *w);
  size_t size = form->optimizer->objective->loss->dim * width;
  double **vectors[VECTORS];
  list_vectors(w, vectors);
  for (size_t i = 0; i < VECTORS; i++)
    *vectors[i] = sde_alloc(size, sizeof(double));
  w->column = sde_alloc(form->plan.dim, width * sizeof(double));
  w->stacked = sde_alloc(form->plan.dim, width * sizeof(double));
  w->factor = factor_workspace_new(&form->plan, width);
  w->optimizer = rule_workspace_new(form, width);
  if (form->kind == LIMIT_FORM_NORM)
    w->norm = limit_norm_workspace_new(form, width);
  if (form->normalized)
    w->norm_noise = limit_norm_noise_new(form, width);
  if (form->kind == LIMIT_FORM_ENUMERATED || form->kind == LIMIT_FORM_SAMPLED)
    w->first = sde_alloc(form->plan.dim, width * sizeof(double));
  if (form->pairs)
    w->directions = sde_alloc(form->enumeration.count, size * sizeof(double));
  return w;
}

void limit_form_workspace_free(struct limit_form_workspace *w)
{
  if (w == NULL)
    return;
  double **vectors[VECTORS];
  list_vectors(w, vectors);
  for (size_t i = 0; i < VECTORS; i++)
    sde_free(*vectors[i]);
  sde_free(w->column);
  sde_free(w->stacked);
  sde_free(w->first);
  sde_free(w->directions);
  factor_workspace_free(&w->factor);
  optimizer_workspace_free(w->optimizer);
  limit_norm_workspace_free(w->norm);
  limit_norm_noise_free(w->norm_noise);
  sde_free(w);
}

SDE_VECTOR
void limit_form_add_outer(size_t dim, size_t width, double coefficient, const double *left,
                          const double *right, double *restrict covariance)
{
  for (size_t j = 0; j < dim; j++)
    for (size_t k = 0; k <= j; k++)
      for (size_t p = 0; p < width; p++)
        covariance[(j * (j + 1) / 2 + k) * width + p] +=
            coefficient * left[j * width + p] * right[k * width + p];
}

struct sde_address limit_form_address(const struct limit_form *form, const struct sde_instant *at,
                                      size_t s)
{
  assert(s < form->directions && at->step < SDE_RANDOM_STEPS / form->directions);
  return (struct sde_address){form->stream, at->first_path, at->step * form->directions + s};
}

void limit_form_set_drift(size_t size, const double *g, double factor, const double *slope,
                          double *drift)
{
  sde_block_fill(size, 0, drift);
  sde_block_add(size, -1, g, drift);
  if (slope != NULL)
    sde_block_add(size, -factor, slope, drift);
}

/* sqrt(eta) times the factor of the noise of a whole batch, given that of one sample. */
static double batch_scale(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  return sqrt(optimizer->eta * objective_batch_factor(optimizer->objective, optimizer->batch));
}

void limit_form_by_matrix(const struct limit_form *form, struct limit_form_workspace *w,
                          size_t width, double rho, const double *x, double scale, const double *dw,
                          double *noise)
{
  generalized_linear_moments(form->optimizer->objective->loss, width,
                             form->kind == LIMIT_FORM_EXPANDED ? GENERALIZED_DIRECTIONS_FIRST_ORDER
                                                               : GENERALIZED_DIRECTIONS_EXACT,
                             rho, x, w->factor.mean, dw == NULL ? NULL : w->factor.covariance,
                             w->factor.sum);
  if (dw == NULL)
    return;
  factor_cholesky_above(form->plan.dim, width, w->factor.sum, w->factor.covariance);
  factor_multiply(form->plan.dim, width, scale, w->factor.covariance, dw, noise);
}

/* noise = (eta c(b) V)^(1/2) dw at x, given g there. */
static void leading_noise(const struct limit_form *form, struct limit_form_workspace *w,
                          size_t width, const double *x, const double *g, const double *dw,
                          double *noise)
{
  const struct objective *objective = form->optimizer->objective;
  double share = objective_component_weight(objective);
  if (form->matrix) {
    limit_form_by_matrix(form, w, width, 0, x, batch_scale(form), dw, noise);
    return;
  }
  factor_begin(&form->plan, &w->factor, width);
  for (size_t i = 0; i < objective->components; i++) {
    objective_component_deviation(objective, width, i, x, g, w->column);
    factor_add(&form->plan, &w->factor, width, i, share, w->column, dw);
  }
  factor_finish(&form->plan, &w->factor, width, batch_scale(form), dw, noise);
}

void limit_form_centre(size_t size, size_t c, double *u, double *first)
{
  if (c == 0)
    memcpy(first, u, size * sizeof *u);
  sde_block_add(size, -1, first, u);
}

/* leading_noise for samples, in one pass with their mean gradient at x, which goes into w->g and
 * has the same bits without noise, where dw is NULL. */
static void gradient_and_noise(const struct limit_form *form, struct limit_form_workspace *w,
                               size_t width, const double *x, const double *dw, double *noise)
{
  const struct objective *objective = form->optimizer->objective;
  size_t size = objective->loss->dim * width;
  double share = objective_component_weight(objective);
  if (form->matrix) {
    limit_form_by_matrix(form, w, width, 0, x, batch_scale(form), dw, noise);
    memcpy(w->g, w->factor.mean, size * sizeof *w->g);
    return;
  }
  factor_begin(&form->plan, &w->factor, width);
  for (size_t i = 0; i < objective->components; i++) {
    objective_component_gradient(objective, width, i, x, w->column);
    limit_form_centre(size, i, w->column, w->g);
    factor_add(&form->plan, &w->factor, width, i, share, w->column, dw);
  }
  if (dw != NULL)
    factor_finish(&form->plan, &w->factor, width, batch_scale(form), dw, noise);
  sde_block_add(size, 1, w->factor.mean, w->g);
}

/* w->point = x + rho e with the rule's e(x) in w->v, and g in w->gi. */
static void move_point(const struct limit_form *form, struct limit_form_workspace *w, size_t width,
                       const double *x)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct loss *loss = optimizer->objective->loss;
  size_t size = loss->dim * width;
  loss_mean_gradient(loss, width, x, w->gi, w->scratch);
  memcpy(w->v, w->gi, size * sizeof *w->v);
  optimizer_perturb_point(optimizer, w->optimizer, width, x, w->v);
  sde_block_shift(size, x, optimizer->rho, w->v, w->point);
}

/* F = g(y), Sigma = c(b) V(y) with y = x (SGD, and every rule to order 0 in rho) or y = x + rho
 * e(x) (n-USAM with e = g, n-SAM with e = g/|g|), whose drift to first order is g + rho H e. */
static void evaluate_point(const struct limit_form *form, struct limit_form_workspace *w,
                           size_t width, const double *x, const double *dw, double *drift,
                           double *noise)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct loss *loss = optimizer->objective->loss;
  size_t size = loss->dim * width;
  bool moved = limit_form_is_perturbed(form);
  if (moved)
    move_point(form, w, width, x);
  const double *y = moved ? w->point : x;
  if (optimizer->objective->sampling != OBJECTIVE_GAUSSIAN) {
    gradient_and_noise(form, w, width, y, dw, noise);
  } else {
    loss_mean_gradient(loss, width, y, w->g, w->scratch);
    if (dw != NULL)
      leading_noise(form, w, width, y, w->g, dw, noise);
  }
  if (drift != NULL && moved && form->options.rho_order == LIMIT_RHO_ORDER_1) {
    loss_mean_hessian_vector(loss, width, x, w->v, w->hg, w->scratch);
    limit_form_set_drift(size, w->gi, optimizer->rho, w->hg, drift);
  } else if (drift != NULL) {
    limit_form_set_drift(size, w->g, 0, NULL, drift);
  }
}

double limit_form_theta(const struct optimizer *optimizer)
{
  double m = (double)optimizer->micro_batch, n = (double)optimizer->objective->loss->samples;
  switch (optimizer->objective->sampling) {
  case OBJECTIVE_WITH_REPLACEMENT:
    return 1 / m;
  case OBJECTIVE_WITHOUT_REPLACEMENT:
    return n <= 2 ? 0 : (n - 2 * m) / (m * (n - 2));
  case OBJECTIVE_GAUSSIAN:
    break; /* noise potentials have no part of theta */
  }
  return 0;
}

/* One pass over the components, with h_i = rho (H_i v_i - H g), v_i = g + theta delta g_i: adds
 * the columns (delta g_i, h_i) to the factor, and q = (1/n) sum_i H_i g_i. Noise potentials have
 * neither mean gradient nor mean Hessian: h_k = rho hess phi_k g, q = sum_k hess phi_k grad phi_k
 * (times the variance of xi_k). */
static void expanded_pass(const struct limit_form *form, struct limit_form_workspace *w,
                          size_t width, const double *x, const double *dw, bool want_q)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct objective *objective = optimizer->objective;
  size_t size = objective->loss->dim * width;
  double share = objective_component_weight(objective), weight = limit_form_theta(optimizer);
  bool stacked = form->plan.dim > objective->loss->dim;
  double centre = objective->sampling == OBJECTIVE_GAUSSIAN ? 0 : 1;
  factor_begin(&form->plan, &w->factor, width);
  sde_block_fill(size, 0, w->q);
  for (size_t i = 0; i < objective->components; i++) {
    objective_component_deviation(objective, width, i, x, w->g, w->column);
    if (stacked) {
      double *h = w->column + size;
      sde_block_shift(size, w->g, weight, w->column, w->v);
      objective_component_hessian_vector(objective, width, i, x, w->v, w->hvi);
      sde_block_shift(size, w->hvi, -centre, w->hg, h);
      sde_block_scale(size, optimizer->rho, h);
    }
    if (want_q && weight == 1) {
      sde_block_add(size, share, w->hvi, w->q); /* v_i is g_i */
    } else if (want_q) {
      sde_block_shift(size, w->column, centre, w->g, w->gi);
      objective_component_hessian_vector(objective, width, i, x, w->gi, w->hgi);
      sde_block_add(size, share, w->hgi, w->q);
    }
    factor_add(&form->plan, &w->factor, width, i, share, w->column, dw);
  }
}

/* For single samples theta and c(m) are 1: a_i is g_i + rho H_i g_i less its mean, which is F. */
static void expanded_matrix_form(const struct limit_form *form, struct limit_form_workspace *w,
                                 size_t width, const double *x, const double *dw, double *drift,
                                 double *noise)
{
  const struct loss *loss = form->optimizer->objective->loss;
  size_t size = loss->dim * width;
  double rho = form->optimizer->rho;
  bool whole = form->options.variance_term;
  if (dw != NULL || whole)
    limit_form_by_matrix(form, w, width, rho, x, batch_scale(form), dw, noise);
  if (drift != NULL && whole) {
    limit_form_set_drift(size, w->factor.mean, 0, NULL, drift);
  } else if (drift != NULL) {
    loss_mean_gradient(loss, width, x, w->g, w->scratch);
    loss_mean_hessian_vector(loss, width, x, w->g, w->hg, w->scratch);
    limit_form_set_drift(size, w->g, rho, w->hg, drift);
  }
}

/* m-USAM to first order in rho:
 *   F = g + rho [H g + c(m) (1/n) sum_i delta H_i delta g_i],
 *   Sigma = c(b)/n sum_i a_i a_i^T,
 *   a_i = delta g_i + rho [H delta g_i + delta H_i g + theta (delta H_i delta g_i - mean)].
 * and for noise potentials F = g + rho [H g + c(m) sum_k hess phi_k grad phi_k], column k
 * grad phi_k + rho [H grad phi_k + hess phi_k g], theta = 0.
 * a_i is (1 + rho (1 - theta) H) delta g_i + h_i up to its mean, so the noise is formed for the
 * stacked columns (delta g_i, h_i) and H is applied once, to the sum. */
static void evaluate_expanded(const struct limit_form *form, struct limit_form_workspace *w,
                              size_t width, const double *x, const double *dw, double *drift,
                              double *noise)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct objective *objective = optimizer->objective;
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width;
  double rho = optimizer->rho;
  bool variance_term = form->options.variance_term && !objective_has_constant_noise(objective);
  if (form->matrix) {
    expanded_matrix_form(form, w, width, x, dw, drift, noise);
    return;
  }
  double centre = objective->sampling == OBJECTIVE_GAUSSIAN ? 0 : 1;
  bool want_q = drift != NULL && variance_term;
  loss_mean_gradient(loss, width, x, w->g, w->scratch);
  loss_mean_hessian_vector(loss, width, x, w->g, w->hg, w->scratch);
  if (dw != NULL || want_q)
    expanded_pass(form, w, width, x, dw, want_q);
  if (drift != NULL) {
    double c = variance_term ? objective_batch_factor(objective, optimizer->micro_batch) : 0;
    limit_form_set_drift(size, w->g, rho * (1 - centre * c), w->hg, drift);
    if (variance_term)
      sde_block_add(size, -rho * c, w->q, drift);
  }
  if (dw == NULL)
    return;
  factor_finish(&form->plan, &w->factor, width, batch_scale(form), dw, w->stacked);
  loss_mean_hessian_vector(loss, width, x, w->stacked, w->hvi, w->scratch);
  sde_block_shift(size, w->stacked, rho * (1 - limit_form_theta(optimizer)), w->hvi, noise);
  if (form->plan.dim > loss->dim)
    sde_block_add(size, 1, w->stacked + size, noise);
}

/* m-SAM to first order: F = g + rho grad E|g_I|, with the covariance of g_I + rho H g_I/|g_I|, or
 * with the leading noise c(b) V, without which O(eta rho) and all of the noise of a random unit
 * vector is left out. */
static void evaluate_norm(const struct limit_form *form, struct limit_form_workspace *w,
                          const struct sde_instant *at, size_t width, const double *x,
                          const double *dw, double *drift, double *noise)
{
  const struct loss *loss = form->optimizer->objective->loss;
  loss_mean_gradient(loss, width, x, w->g, w->scratch);
  if (drift != NULL) {
    limit_norm_gradient(form, w->norm, at, width, x, w->g, w->hg);
    limit_form_set_drift(loss->dim * width, w->g, form->optimizer->rho, w->hg, drift);
  }
  if (dw != NULL)
    leading_noise(form, w, width, x, w->g, dw, noise);
  if (dw != NULL && form->normalized)
    limit_norm_noise_add(form, w->norm_noise, width, x, w->g,
                         dw + factor_noise_dim(&form->plan) * width, noise);
}

void limit_form_evaluate(const struct limit_form *form, struct limit_form_workspace *w,
                         const struct sde_instant *at, size_t width, const double *x,
                         const double *dw, double *drift, double *noise)
{
  switch (form->kind) {
  case LIMIT_FORM_POINT:
    evaluate_point(form, w, width, x, dw, drift, noise);
    break;
  case LIMIT_FORM_EXPANDED:
    evaluate_expanded(form, w, width, x, dw, drift, noise);
    break;
  case LIMIT_FORM_ENUMERATED:
  case LIMIT_FORM_SAMPLED:
    limit_directions_evaluate(form, w, at, width, x, dw, drift, noise);
    break;
  case LIMIT_FORM_NORM:
    evaluate_norm(form, w, at, width, x, dw, drift, noise);
    break;
  }
}
