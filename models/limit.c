/*
 * Limits: drift and noise of an optimizer's SDE. The formulas are those of theory.md section 3
 * (arXiv 2509.18001, theorems 3.3 to 3.5), with the same letters. See limit.h.
 */
#include "models/limit.h"

#include "models/affine_limit.h"
#include "models/enumeration.h"
#include "models/factor.h"
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
  FORM_ENUMERATED, /* the directions of all micro-batches */
  FORM_SAMPLED     /* a few fresh directions a step */
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
  struct sde_system system;
  struct sde_system *affine; /* the same by interpolation, where that is cheaper; else NULL */
  char description[200];
};

struct limit_workspace {
  struct factor_workspace factor;
  struct optimizer_workspace *optimizer;
  double *g, *hg, *point, *gi, *hvi, *hgi, *v, *q, *column, *stacked, *scratch;
  double *directions; /* of all enumerated micro-batches, where pairs are needed */
};

static void *workspace_new(const struct sde_system *system, size_t width)
{
  const struct limit *limit = system->context;
  struct limit_workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t size = system->dim * width;
  double **vectors[] = {&workspace->g,  &workspace->hg,  &workspace->point,
                        &workspace->gi, &workspace->hvi, &workspace->hgi,
                        &workspace->v,  &workspace->q,   &workspace->scratch};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    *vectors[i] = sde_alloc(size, sizeof(double));
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
  double *vectors[] = {workspace->g,       workspace->hg,      workspace->point,
                       workspace->gi,      workspace->hvi,     workspace->hgi,
                       workspace->v,       workspace->q,       workspace->column,
                       workspace->stacked, workspace->scratch, workspace->directions};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    sde_free(vectors[i]);
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
 * y = x + rho g(x) (n-USAM, whose drift to first order is g + rho H g). */
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
    sde_block_shift(size, x, optimizer->rho, w->g, w->point);
    loss_mean_gradient(loss, width, w->point, w->gi, w->scratch);
    y = w->point;
    gy = w->gi;
  }
  if (drift != NULL) {
    sde_block_fill(size, 0, drift);
    if (moved && limit->options.rho_order == RHO_ORDER_1) {
      loss_mean_hessian_vector(loss, width, x, w->g, w->hg, w->scratch);
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
    micro_gradient(objective, width, m, index, x, w->gi, w->scratch);
    sde_block_shift(size, x, optimizer->rho, w->gi, w->point);
    micro_gradient(objective, width, m, index, w->point, u, w->scratch);
    sde_block_add(size, -1, w->g, u);
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

static void evaluate(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  const struct limit *limit = system->context;
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
  }
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

/* Choose the form, and with it the noise factor. */
static void choose_form(struct limit *limit)
{
  const struct optimizer *optimizer = limit->optimizer;
  const struct objective *objective = optimizer->objective;
  const struct limit_options *options = &limit->options;
  size_t d = objective->loss->dim, n = objective->components;
  bool gaussian = objective->sampling == GAUSSIAN;
  if (optimizer->type->perturbation != PERTURB_MICRO_GRADIENT || optimizer->rho == 0 ||
      options->rho_order == RHO_ORDER_0) {
    limit->form = FORM_POINT;
    limit->plan = factor_plan(d, n, !gaussian, options->factor);
  } else if (options->rho_order == RHO_ORDER_1 || (gaussian && objective->loss->quadratic)) {
    /* Gaussian noise on a quadratic makes u affine in x and xi: the expansion is then exact. */
    limit->form = FORM_EXPANDED;
    limit->plan = factor_plan(gaussian ? d : 2 * d, n, !gaussian, options->factor);
  } else if (can_enumerate(limit)) {
    limit->form = FORM_ENUMERATED;
    limit->enumeration =
        enumeration_new(n, optimizer->micro_batch, objective->sampling == WITH_REPLACEMENT);
    limit->plan = factor_plan(d, limit->enumeration.count, true,
                              limit->pairs ? FACTOR_CHOLESKY : options->factor);
  } else {
    limit->form = FORM_SAMPLED;
    limit->pairs = false;
    limit->directions = options->directions > 0 ? options->directions : DEFAULT_DIRECTIONS;
    limit->plan = factor_plan(d, limit->directions, true, options->factor);
  }
}

/* Noise potentials are linear, so their noise is additive unless a Hessian that varies carries
 * them. */
static enum sde_noise_class noise_class(const struct limit *limit)
{
  const struct objective *objective = limit->optimizer->objective;
  if (objective->sampling == GAUSSIAN &&
      (limit->form == FORM_POINT || (limit->form == FORM_EXPANDED && objective->loss->quadratic)))
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

/* Quadratic losses under index sampling have affine limits, worth learning where they are cheaper;
 * the general form is then evaluated with a Cholesky factor, a few times. */
static void choose_affine(struct limit *limit)
{
  const struct objective *objective = limit->optimizer->objective;
  size_t d = limit->system.dim;
  if (!objective->loss->quadratic || objective->sampling == GAUSSIAN ||
      limit->form == FORM_SAMPLED || limit->options.factor != FACTOR_AUTO ||
      affine_limit_cost(d, FACTOR_NORMAL_COST) > general_cost(limit))
    return;
  limit->plan.cholesky = true;
  limit->system.noise_dim = factor_noise_dim(&limit->plan);
  limit->affine = affine_limit_new(&limit->system);
}

static void describe(struct limit *limit)
{
  static const char *const orders[] = {"rho_order 0", "rho_order 1", "rho_order exact"};
  char source[80] = "";
  if (limit->form == FORM_ENUMERATED)
    snprintf(source, sizeof source, ", %zu micro-batches enumerated", limit->enumeration.count);
  else if (limit->form == FORM_SAMPLED)
    snprintf(source, sizeof source, ", %zu fresh directions a step", limit->directions);
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
  if (options->eta_order != 1)
    return sde_fail(status, SDE_INVALID, "%s: eta_order %d is not known; it must be 1", place,
                    options->eta_order);
  if (options->directions == 1)
    return sde_fail(status, SDE_INVALID,
                    "%s: one direction a step has no covariance; directions must be at least 2, or "
                    "0 for the default",
                    place);
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
