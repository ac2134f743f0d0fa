/*
 * Limits: an optimizer's form of F and Sigma is chosen, and a system made of it: to second order in
 * eta where that is asked for, and by interpolation where that is cheaper. theory.md section 3. See
 * limit.h, and limit_forms.h for the forms themselves.
 */
#include "models/limit_forms.h"

#include "models/affine_limit.h"
#include "models/generalized_sums.h"
#include "sde/block.h"

#include <math.h>
#include <stdio.h>

enum {
  ENUMERATION_MAX = 1024, /* micro-batches beyond which fresh directions are drawn instead */
  PAIRS_MAX = 65536,      /* the same for ordered pairs of disjoint micro-batches */
  DEFAULT_DIRECTIONS = 16
};

struct limit {
  struct limit_form form;
  struct sde_system system;
  struct sde_system *affine;  /* the same by interpolation, where that is cheaper; else NULL */
  struct affine_frame *frame; /* of that */
  char description[200];
};

struct workspace {
  struct limit_form_workspace *form;
  double *step, *before, *after, *end; /* for the differences of second order in eta */
};

/* Are F affine and Sigma quadratic in x? */
static bool is_affine(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct objective *objective = optimizer->objective;
  bool perturbed = optimizer->rho > 0 && form->options.rho_order != RHO_ORDER_0;
  bool quadratic = objective->sampling != GAUSSIAN || objective->noise->quadratic;
  return objective->loss->quadratic && quadratic && form->kind != FORM_SAMPLED &&
         (!optimizer->type->normalized || !perturbed);
}

static void *workspace_new(const struct sde_system *system, size_t width)
{
  const struct limit *limit = system->context;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t size = limit->form.options.eta_order == 2 ? system->dim * width : 0;
  workspace->form = limit_form_workspace_new(&limit->form, width);
  workspace->step = sde_alloc(width, sizeof(double));
  workspace->before = sde_alloc(size, sizeof(double));
  workspace->after = sde_alloc(size, sizeof(double));
  workspace->end = sde_alloc(size, sizeof(double));
  return workspace;
}

static void workspace_free(void *memory)
{
  struct workspace *workspace = memory;
  limit_form_workspace_free(workspace->form);
  sde_free(workspace->step);
  sde_free(workspace->before);
  sde_free(workspace->after);
  sde_free(workspace->end);
  sde_free(workspace);
}

static void evaluate_first_order(const struct sde_system *system, void *memory,
                                 const struct sde_instant *at, size_t width, const double *x,
                                 const double *dw, double *drift, double *noise)
{
  const struct limit *limit = system->context;
  struct workspace *workspace = memory;
  limit_form_evaluate(&limit->form, workspace->form, at, width, x, dw, drift, noise);
}

/* step[p] = h with h |a| = 1e-5 (1 + |x|), so that a(x + h a) and a(x - h a) differ by enough, or
 * `least` where that is more. */
static void difference_steps(size_t dim, size_t width, const double *x, const double *a,
                             double least, double *step)
{
  for (size_t p = 0; p < width; p++) {
    double xx = 0, aa = 0;
    for (size_t i = 0; i < dim; i++) {
      xx += x[i * width + p] * x[i * width + p];
      aa += a[i * width + p] * a[i * width + p];
    }
    step[p] = aa > 0 ? fmax(least, 1e-5 * (1 + sqrt(xx)) / sqrt(aa)) : 1;
  }
}

/* a <- a - (eta/2) Da a for the drift a = -F, that is F <- F + (eta/2) DF F, the derivative along
 * a by central differences. Where F is estimated from fresh directions, Da comes from others than
 * a, for the product of two estimates must have independent errors; both of its ends share them.
 * Where F is affine any step is exact: at least eta keeps its digits far from the optimum. */
static void add_second_order(const struct sde_system *system, struct workspace *workspace,
                             const struct sde_instant *at, size_t width, const double *x,
                             double *drift)
{
  const struct limit *limit = system->context;
  size_t size = system->dim * width;
  struct sde_instant other = *at;
  other.step = ~at->step & (UINT64_MAX >> 30);
  double eta = limit->form.optimizer->eta;
  difference_steps(system->dim, width, x, drift, is_affine(&limit->form) ? eta : 0,
                   workspace->step);
  for (int sign = -1; sign <= 1; sign += 2) {
    for (size_t i = 0; i < size; i++)
      workspace->end[i] = x[i] + sign * workspace->step[i % width] * drift[i];
    evaluate_first_order(system, workspace, &other, width, workspace->end, NULL,
                         sign < 0 ? workspace->before : workspace->after, NULL);
  }
  for (size_t i = 0; i < size; i++)
    drift[i] -=
        eta / 2 * (workspace->after[i] - workspace->before[i]) / (2 * workspace->step[i % width]);
}

static void evaluate(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  const struct limit *limit = system->context;
  evaluate_first_order(system, workspace, at, width, x, dw, drift, noise);
  if (drift != NULL && limit->form.options.eta_order == 2)
    add_second_order(system, workspace, at, width, x, drift);
}

/* Disjoint micro-batches drawn without replacement are correlated; for m = 1 c(b) says how much. */
static bool needs_pairs(const struct optimizer *optimizer)
{
  return optimizer->objective->sampling == WITHOUT_REPLACEMENT && optimizer->micro_batch > 1 &&
         optimizer->batch / optimizer->micro_batch > 1;
}

/* What there is too much of for an enumeration; for m = 1 never anything. */
enum excess { EXCESS_NONE, EXCESS_MICRO_BATCHES, EXCESS_PAIRS };

static enum excess excess_of(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  size_t n = objective->components, m = optimizer->micro_batch;
  if (m == 1)
    return EXCESS_NONE;
  size_t count = enumeration_count(n, m, objective->sampling == WITH_REPLACEMENT, ENUMERATION_MAX);
  if (count == SIZE_MAX)
    return EXCESS_MICRO_BATCHES;
  bool pairs =
      needs_pairs(optimizer) && enumeration_count(n - m, m, false, PAIRS_MAX / count) == SIZE_MAX;
  return pairs ? EXCESS_PAIRS : EXCESS_NONE;
}

static bool can_enumerate(const struct limit_form *form)
{
  return form->optimizer->objective->sampling != GAUSSIAN && form->options.directions == 0 &&
         excess_of(form->optimizer) == EXCESS_NONE;
}

/* Choices of a form, each with its noise factor. */
static void use_components(struct limit_form *form, enum form_kind kind, size_t dim)
{
  const struct objective *objective = form->optimizer->objective;
  form->kind = kind;
  form->plan = factor_plan(dim, objective->components, objective->sampling != GAUSSIAN,
                           form->options.factor);
}

static void use_enumeration(struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  form->kind = FORM_ENUMERATED;
  form->pairs = needs_pairs(form->optimizer);
  form->enumeration = enumeration_new(objective->components, form->optimizer->micro_batch,
                                      objective->sampling == WITH_REPLACEMENT);
  form->plan = factor_plan(objective->loss->dim, form->enumeration.count, true,
                           form->pairs ? FACTOR_CHOLESKY : form->options.factor);
}

static void use_samples(struct limit_form *form)
{
  form->kind = FORM_SAMPLED;
  form->plan = factor_plan(form->optimizer->objective->loss->dim, form->directions, true,
                           form->options.factor);
}

/* m-SAM to first order in rho: by all micro-batches where they are few, else with leading noise and
 * E|g_I| by the Gaussian integral, which is exact for Gaussian noise, or by fresh micro-batches. */
static void use_norm(struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  enum norm_source wanted = form->options.norm;
  if ((wanted == NORM_AUTO || wanted == NORM_ENUMERATE) && form->options.variance_term &&
      can_enumerate(form)) {
    use_enumeration(form);
    return;
  }
  use_components(form, FORM_NORM, objective->loss->dim);
  bool gaussian = objective_is_gaussian(objective);
  form->norm = !form->options.variance_term                          ? NORM_OF_MEAN
               : gaussian && objective_has_constant_noise(objective) ? NORM_OF_GAUSSIAN_NOISE
               : gaussian || wanted == NORM_GAUSSIAN                 ? NORM_OF_CLOSURE
                                                                     : NORM_OF_FRESH;
  if (form->norm == NORM_OF_GAUSSIAN_NOISE)
    form->basis = limit_norm_basis_new(form->optimizer);
}

/* Constant noise on a quadratic makes u affine in x and xi: the expansion in rho is then exact. */
static void choose_form(struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct objective *objective = optimizer->objective;
  enum rho_order order = form->options.rho_order;
  size_t d = objective->loss->dim;
  bool constant = objective_has_constant_noise(objective);
  enum perturbation by = optimizer->type->perturbation;
  form->directions = form->options.directions > 0 ? form->options.directions : DEFAULT_DIRECTIONS;
  if (by == PERTURB_NOTHING || by == PERTURB_FULL_GRADIENT || optimizer->rho == 0 ||
      order == RHO_ORDER_0)
    use_components(form, FORM_POINT, d);
  else if (by == PERTURB_REWEIGHTED_GRADIENT)
    use_samples(form);
  else if (!optimizer->type->normalized &&
           (order == RHO_ORDER_1 || (constant && objective->loss->quadratic)))
    use_components(form, FORM_EXPANDED, constant ? d : 2 * d);
  else if (order == RHO_ORDER_1)
    use_norm(form);
  else if (can_enumerate(form))
    use_enumeration(form);
  else
    use_samples(form);
}

/* Can a Cholesky factor be that of generalized_sums.h? */
static bool has_matrix_form(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct loss *loss = optimizer->objective->loss;
  double rho = optimizer->rho;
  if (optimizer->objective->sampling == GAUSSIAN)
    return false;
  if (form->kind == FORM_POINT || form->kind == FORM_NORM)
    return generalized_linear_has_moments(loss, DIRECTIONS_EXACT, 0);
  if (form->kind == FORM_EXPANDED)
    return optimizer->micro_batch == 1 && limit_form_theta(optimizer) == 1 &&
           generalized_linear_has_moments(loss, DIRECTIONS_FIRST_ORDER, rho);
  return form->kind == FORM_ENUMERATED && form->enumeration.size == 1 &&
         !optimizer->type->normalized &&
         generalized_linear_has_moments(loss, DIRECTIONS_EXACT, rho);
}

/* Of a sample by columns, beside which the matrix form breaks even: a normal, and a pass over the
 * coordinates; the second gradient of an exact direction takes another, the Hessian products of an
 * expanded one six, by measurement up to 37 dimensions. The matrix form has them for nothing. */
static double column_cost(const struct limit_form *form)
{
  double passes = form->kind == FORM_EXPANDED ? 7 : form->kind == FORM_ENUMERATED ? 2 : 1;
  return FACTOR_NORMAL_COST + passes * (double)form->optimizer->objective->loss->dim;
}

/* There the Cholesky factor is cheaper than factor_plan knows, and always of d dimensions. */
static void choose_matrix_form(struct limit_form *form)
{
  if (!has_matrix_form(form))
    return;
  size_t dim = form->optimizer->objective->loss->dim;
  double d = (double)dim;
  bool cheaper = FACTOR_MATRIX_COST * d * (d + 1) / 2 < column_cost(form);
  struct factor_plan plan = factor_plan(dim, form->plan.columns, true, form->options.factor);
  form->matrix = plan.cholesky || (form->options.factor == FACTOR_AUTO && cheaper);
  if (form->matrix)
    form->plan = plan;
  form->plan.cholesky = form->plan.cholesky || form->matrix;
}

/* The point where a FORM_POINT takes the noise, is it x itself? */
static bool is_unmoved(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  return form->options.rho_order == RHO_ORDER_0 || optimizer->rho == 0 ||
         optimizer->type->perturbation == PERTURB_NOTHING;
}

/* Noise of linear potentials is additive unless a Hessian that varies carries it. */
static enum sde_noise_class noise_class(const struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  if (objective_has_constant_noise(objective) &&
      (form->kind == FORM_POINT || form->kind == FORM_NORM ||
       (form->kind == FORM_EXPANDED && objective->loss->quadratic)))
    return SDE_NOISE_ADDITIVE;
  if (factor_noise_dim(&form->plan) == 1)
    return SDE_NOISE_SCALAR;
  bool diagonal = objective->sampling == GAUSSIAN && objective->noise->diagonal;
  bool by_columns = form->kind == FORM_POINT && !form->plan.cholesky;
  return diagonal && by_columns && is_unmoved(form) ? SDE_NOISE_DIAGONAL : SDE_NOISE_GENERAL;
}

/* Evaluations of the components' gradients and Hessian-vector products, and the noise factor, in
 * multiply-adds a path. */
static double general_cost(const struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  double d = (double)objective->loss->dim, n = (double)objective->components;
  double columns = (double)form->plan.columns, m = (double)form->optimizer->micro_batch;
  double component = 2 * d, passes = form->kind == FORM_EXPANDED ? 6 * n : 2 * n;
  double factor = form->plan.cholesky
                      ? columns * (double)form->plan.dim * (double)form->plan.dim / 2
                      : columns * (FACTOR_NORMAL_COST + (double)form->plan.dim);
  return component * passes + factor +
         (form->kind == FORM_ENUMERATED ? 2 * m * columns * component : 0);
}

/* To learn F and Sigma from: to first order in eta, with a Cholesky factor, which takes the fewest
 * evaluations. The copy of the limit, that it is made of, must outlive it. */
static struct sde_system first_order(const struct limit *limit, struct limit *copy)
{
  *copy = *limit;
  copy->form.plan.cholesky = true;
  struct sde_system system = limit->system;
  system.context = copy;
  system.noise_dim = factor_noise_dim(&copy->form.plan);
  system.evaluate = evaluate_first_order;
  return system;
}

/* Quadratic losses under index sampling have affine limits, worth learning where they are cheaper,
 * unless the polynomials would lose the noise's digits. */
static void choose_affine(struct limit *limit)
{
  const struct limit_form *form = &limit->form;
  enum noise_factor factor = form->options.factor;
  bool cheaper = affine_limit_cost(limit->system.dim, FACTOR_NORMAL_COST) <= general_cost(form);
  if (!is_affine(form) || form->optimizer->objective->sampling == GAUSSIAN ||
      !(factor == FACTOR_FEWEST || (factor == FACTOR_AUTO && cheaper)))
    return;
  struct limit copy;
  struct sde_system general = first_order(limit, &copy);
  limit->frame = affine_frame_new(&general, form->optimizer->objective->start);
  limit->affine = affine_limit_new(&general, limit->frame,
                                   form->options.eta_order == 2 ? form->optimizer->eta : 0);
}

struct affine_frame *limit_frame_new(const struct limit *limit)
{
  if (!is_affine(&limit->form) || limit->system.dim > SDE_LINEAR_LARGEST_DIM)
    return NULL;
  struct limit copy;
  struct sde_system general = first_order(limit, &copy);
  return affine_frame_new(&general, limit->form.optimizer->objective->start);
}

static double *copy_scaled(size_t count, double factor, const double *values)
{
  double *copy = sde_alloc(count, sizeof *copy);
  sde_block_add(count, factor, values, copy);
  return copy;
}

struct sde_linear_direction *limit_direction_new(const struct limit *limit,
                                                 const struct affine_frame *frame)
{
  size_t d = limit->system.dim, entries = d * (d + 1) / 2 * (d + 1) * (d + 2) / 2;
  if (!is_affine(&limit->form) || d > SDE_LINEAR_LARGEST_DIM)
    return NULL;
  struct limit copy;
  struct sde_system general = first_order(limit, &copy);
  struct affine_frame *unit = affine_frame_unit(d);
  struct sde_system *affine = affine_limit_new(&general, frame != NULL ? frame : unit, 0);
  struct sde_linear_direction *direction = NULL;
  if (affine != NULL) {
    const struct affine_coefficients *learnt = affine_limit_coefficients(affine);
    double eta = limit->form.optimizer->eta;
    direction = sde_alloc(1, sizeof *direction);
    *direction = (struct sde_linear_direction){d, copy_scaled(d * d, -1, learnt->matrix),
                                               copy_scaled(d, -1, learnt->constant),
                                               copy_scaled(entries, 1 / eta, learnt->tensor)};
  }
  affine_limit_free(affine);
  affine_frame_free(unit);
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

/* Where F and Sigma come from, if not from the components alone. */
static void describe_source(const struct limit_form *form, size_t size, char *text)
{
  text[0] = '\0';
  if (form->kind == FORM_ENUMERATED)
    snprintf(text, size, ", %zu micro-batches enumerated", form->enumeration.count);
  else if (form->kind == FORM_SAMPLED)
    snprintf(text, size, ", %zu fresh directions a step", form->directions);
  else if (form->kind == FORM_NORM && form->norm == NORM_OF_MEAN)
    snprintf(text, size, ", |g| in the place of E|g_I|");
  else if (form->kind == FORM_NORM && form->norm == NORM_OF_FRESH)
    snprintf(text, size, ", E|g_I| from %zu fresh micro-batches a step", form->directions);
  else if (form->kind == FORM_NORM)
    snprintf(text, size, ", E|g_I| by the Gaussian integral");
}

static void describe(struct limit *limit)
{
  static const char *const orders[] = {"rho_order 0", "rho_order 1", "rho_order exact"};
  char source[80];
  describe_source(&limit->form, sizeof source, source);
  const struct sde_system *system = limit_system(limit);
  snprintf(limit->description, sizeof limit->description,
           "%s%s, %snoise factor by %s (%zu Wiener processes, %s noise)",
           orders[limit->form.options.rho_order], source,
           limit->affine != NULL ? "affine drift and quadratic covariance, " : "",
           limit->affine != NULL || limit->form.plan.cholesky ? "Cholesky" : "columns",
           system->noise_dim, sde_noise_class_name(system->noise));
}

/* To all orders in rho, the term of the variance is one part of E u among others. */
static bool check_variance_term(const struct optimizer *optimizer,
                                const struct limit_options *options, const char *place,
                                struct sde_status *status)
{
  const struct optimizer_type *type = optimizer->type;
  if (options->variance_term || options->rho_order != RHO_ORDER_EXACT)
    return true;
  if (type->perturbation == PERTURB_MICRO_GRADIENT)
    return sde_fail(status, SDE_INVALID,
                    "%s: variance_term: false needs rho_order 1; with rho_order exact the term "
                    "cannot be told from the rest of the drift of %s",
                    place, type->name);
  if (type->perturbation == PERTURB_REWEIGHTED_GRADIENT)
    return sde_fail(status, SDE_INVALID,
                    "%s: the drift of %s has no term of the variance that could be left out; "
                    "variance_term must be true",
                    place, type->name);
  return true;
}

static bool check_variance(const struct objective *objective, const char *place,
                           struct sde_status *status)
{
  if (objective_has_variance(objective))
    return true;
  return sde_fail(status, SDE_INVALID,
                  "%s: assumptions fail: infinite variance: Student t with degrees_of_freedom %g, "
                  "at most 2, has none, so that no SDE driven by Brownian motion describes the "
                  "iterates; degrees_of_freedom must be above 2, or sde: [] for the iterates alone",
                  place, objective->noise->degrees_of_freedom);
}

static bool check_options(const struct optimizer *optimizer, const struct limit_options *options,
                          const char *place, struct sde_status *status)
{
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
  return check_variance_term(optimizer, options, place, status) &&
         check_variance(optimizer->objective, place, status);
}

/* Is E|g_I| had in the way that was asked for? */
static bool check_norm(const struct limit_form *form, const char *place, struct sde_status *status)
{
  const struct optimizer *optimizer = form->optimizer;
  enum norm_source wanted = form->options.norm;
  if (form->kind != FORM_NORM || form->norm == NORM_OF_MEAN)
    return true;
  bool gaussian = objective_is_gaussian(optimizer->objective);
  if (optimizer->objective->sampling == GAUSSIAN &&
      (wanted == NORM_ENUMERATE || (gaussian && wanted == NORM_SAMPLE)))
    return sde_fail(status, SDE_INVALID,
                    "%s: norm: %s needs micro-batches of samples, which %s noise has not; norm "
                    "must be auto%s or %s",
                    place, wanted == NORM_ENUMERATE ? "enumerate" : "sample",
                    gaussian ? "Gaussian" : "Student t", gaussian ? "" : ", gaussian",
                    gaussian ? "gaussian" : "sample");
  if (wanted != NORM_ENUMERATE)
    return true;
  if (form->options.directions > 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: norm: enumerate draws no directions; directions must be 0", place);
  bool pairs = excess_of(optimizer) == EXCESS_PAIRS;
  return sde_fail(status, SDE_INVALID,
                  "%s: norm: enumerate: %s has more than %d %smicro-batches of %zu of %zu samples; "
                  "norm must be auto, gaussian or sample",
                  place, optimizer->type->name, pairs ? PAIRS_MAX : ENUMERATION_MAX,
                  pairs ? "ordered pairs of disjoint " : "", optimizer->micro_batch,
                  optimizer->objective->components);
}

struct limit *limit_new(const struct optimizer *optimizer, const struct limit_options *options,
                        struct sde_stream stream, const char *place, struct sde_status *status)
{
  if (!check_options(optimizer, options, place, status))
    return NULL;
  struct limit *limit = sde_alloc(1, sizeof *limit);
  limit->form = (struct limit_form){.optimizer = optimizer, .options = *options, .stream = stream};
  choose_form(&limit->form);
  choose_matrix_form(&limit->form);
  if (!check_norm(&limit->form, place, status)) {
    limit_free(limit);
    return NULL;
  }
  limit->system = (struct sde_system){.name = optimizer->type->name,
                                      .dim = optimizer->objective->loss->dim,
                                      .noise_dim = factor_noise_dim(&limit->form.plan),
                                      .noise = noise_class(&limit->form),
                                      .context = limit,
                                      .workspace_new = workspace_new,
                                      .workspace_free = workspace_free,
                                      .evaluate = evaluate,
                                      .draws = limit_uses_directions(limit)};
  choose_affine(limit);
  describe(limit);
  return limit;
}

void limit_free(struct limit *limit)
{
  if (limit == NULL)
    return;
  affine_limit_free(limit->affine);
  affine_frame_free(limit->frame);
  if (limit->form.basis != NULL)
    gaussian_norm_basis_free(limit->form.basis);
  enumeration_free(&limit->form.enumeration);
  sde_free(limit);
}

const struct sde_system *limit_system(const struct limit *limit)
{
  return limit->affine != NULL ? limit->affine : &limit->system;
}

const struct limit_options *limit_options_of(const struct limit *limit)
{
  return &limit->form.options;
}

bool limit_uses_norm(const struct limit *limit)
{
  const struct limit_form *form = &limit->form;
  return form->options.rho_order == RHO_ORDER_1 && form->options.variance_term &&
         (form->kind == FORM_ENUMERATED || form->kind == FORM_NORM);
}

bool limit_uses_directions(const struct limit *limit)
{
  const struct limit_form *form = &limit->form;
  return form->kind == FORM_SAMPLED || (form->kind == FORM_NORM && form->norm == NORM_OF_FRESH);
}

bool limit_has_potential_columns(const struct limit *limit)
{
  const struct limit_form *form = &limit->form;
  bool components =
      form->kind == FORM_POINT || form->kind == FORM_EXPANDED || form->kind == FORM_NORM;
  return objective_is_gaussian(form->optimizer->objective) && components && !form->plan.cholesky;
}

const struct limit_form *limit_form_of(const struct limit *limit)
{
  return &limit->form;
}

const char *limit_description(const struct limit *limit)
{
  return limit->description;
}
