/*
 * Limits: a system made of an optimizer's form of F and Sigma: lifted from w to the state of the
 * update rule, to second order in eta where that is asked for, and by interpolation where that is
 * cheaper. theory.md sections 3 and 12. See limit.h, and limit_forms.h for the forms themselves.
 */
#include "models/limit_forms.h"

#include "models/affine_limit.h"
#include "sde/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct limit {
  struct optimizer optimizer; /* as it was when the limit was made */
  struct limit_form form;
  struct sde_system system;
  struct sde_system *affine;  /* that of w by interpolation, where that is cheaper; else NULL */
  struct affine_frame *frame; /* of that */
  /* The update rule, where it is affine; `lifted` where U is not w itself: then the form and
   * `affine` are of w, and the system is that of the state. */
  size_t vectors;
  struct update_affine update;
  bool lifted, rehearsed;
  double left_out; /* of a rehearsal, in multiply-adds */
  char description[200];
};

struct workspace {
  const struct limit *limit;
  struct limit_form_workspace *form;
  void *affine;
  double *drift, *noise;               /* of w, where the limit is lifted */
  double *step, *before, *after, *end; /* for the differences of second order in eta */
};

static void *workspace_new(const struct sde_system *system, size_t width)
{
  const struct limit *limit = system->context;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t size = limit->form.options.eta_order == 2 ? system->dim * width : 0;
  size_t lifted = limit->lifted ? limit->form.dim * width : 0;
  workspace->limit = limit;
  if (limit->affine != NULL)
    workspace->affine = sde_system_workspace_new(limit->affine, width);
  else
    workspace->form = limit_form_workspace_new(&limit->form, width);
  workspace->drift = sde_alloc(lifted, sizeof(double));
  workspace->noise = sde_alloc(lifted, sizeof(double));
  workspace->step = sde_alloc(width, sizeof(double));
  workspace->before = sde_alloc(size, sizeof(double));
  workspace->after = sde_alloc(size, sizeof(double));
  workspace->end = sde_alloc(size, sizeof(double));
  return workspace;
}

static void workspace_free(void *memory)
{
  struct workspace *workspace = memory;
  if (workspace->limit->affine != NULL)
    sde_system_workspace_free(workspace->limit->affine, workspace->affine);
  else
    limit_form_workspace_free(workspace->form);
  sde_free(workspace->drift);
  sde_free(workspace->noise);
  sde_free(workspace->step);
  sde_free(workspace->before);
  sde_free(workspace->after);
  sde_free(workspace->end);
  sde_free(workspace);
}

/* -F and Sigma^(1/2) dw of what the form is of. */
static void evaluate_form(const struct limit *limit, struct workspace *workspace,
                          const struct sde_instant *at, size_t width, const double *x,
                          const double *dw, double *drift, double *noise)
{
  if (limit->affine != NULL)
    limit->affine->evaluate(limit->affine, workspace->affine, at, width, x, dw, drift, noise);
  else
    limit_form_evaluate(&limit->form, workspace->form, at, width, x, dw, drift, noise);
}

/* With U = state y + gradient w the drift of y is gradient (-F) - state y, and its noise is
 * gradient Sigma^(1/2) dw: the same Wiener processes drive all its vectors. */
static void evaluate_first_order(const struct sde_system *system, void *memory,
                                 const struct sde_instant *at, size_t width, const double *y,
                                 const double *dw, double *drift, double *noise)
{
  const struct limit *limit = system->context;
  struct workspace *workspace = memory;
  size_t size = limit->form.dim * width;
  if (!limit->lifted) {
    evaluate_form(limit, workspace, at, width, y, dw, drift, noise);
    return;
  }
  evaluate_form(limit, workspace, at, width, y, dw, drift == NULL ? NULL : workspace->drift,
                dw == NULL ? NULL : workspace->noise);
  if (drift != NULL)
    update_affine_apply(&limit->update, limit->vectors, size, -1, y, workspace->drift, drift);
  if (dw != NULL)
    update_affine_apply(&limit->update, limit->vectors, size, 0, NULL, workspace->noise, noise);
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
  difference_steps(system->dim, width, x, drift, limit_form_is_affine(&limit->form) ? eta : 0,
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

static void evaluate_gradient(const struct sde_system *system, void *workspace,
                              const struct sde_instant *at, size_t width, const double *x,
                              const double *dw, double *drift, double *noise)
{
  evaluate_form(system->context, workspace, at, width, x, dw, drift, noise);
}

/* To learn F and Sigma from, of w or of the state: to first order in eta, with a Cholesky factor,
 * which takes the fewest evaluations. The copy of the limit, that it is made of, must outlive it.
 */
static struct sde_system first_order(const struct limit *limit, bool of_state, struct limit *copy)
{
  *copy = *limit;
  copy->affine = NULL;
  copy->form.plan.cholesky = true;
  struct sde_system system = limit->system;
  system.context = copy;
  system.dim = of_state ? limit->system.dim : limit->form.dim;
  system.noise_dim = factor_noise_dim(&copy->form.plan);
  system.evaluate = of_state ? evaluate_first_order : evaluate_gradient;
  return system;
}

/* A tenth of a second, about. */
static const double LEARNING_LONG = 1e8;

static double learning_cost(const struct sde_system *general)
{
  const struct limit *limit = general->context;
  return affine_limit_learning_cost(general->dim, general->noise_dim,
                                    limit_form_cost(&limit->form));
}

/* Learn the affine limit; of a rehearsal, where that takes long, only how long it takes to evaluate. */
static void build_affine(struct limit *limit, const struct sde_system *general, double eta)
{
  double cost = learning_cost(general);
  if (limit->rehearsed && cost > LEARNING_LONG) {
    limit->left_out = cost;
    limit->frame = affine_frame_unit(general->dim);
    limit->affine = affine_limit_blank(general, limit->frame);
    return;
  }
  limit->frame = affine_frame_new(general, limit->form.optimizer->objective->start);
  limit->affine = affine_limit_new(general, limit->frame, eta);
}

/* Quadratic losses under index sampling have affine limits, worth learning where they are cheaper,
 * unless the polynomials would lose the noise's digits. Lifted ones take the second order in eta
 * from the state. */
static void choose_affine(struct limit *limit)
{
  const struct limit_form *form = &limit->form;
  if (!limit_form_is_affine(form) || form->optimizer->objective->sampling == OBJECTIVE_GAUSSIAN)
    return;
  struct limit copy;
  struct sde_system general = first_order(limit, false, &copy);
  if (!limit_form_is_cheaper_affine(form, learning_cost(&general)))
    return;
  bool second = form->options.eta_order == 2 && !limit->lifted;
  build_affine(limit, &general, second ? form->optimizer->eta : 0);
  if (limit->affine != NULL && limit->lifted)
    limit->system.noise_dim = limit->affine->noise_dim;
}

struct affine_frame *limit_frame_new(const struct limit *limit)
{
  const struct optimizer *optimizer = limit->form.optimizer;
  const double *start = optimizer->objective->start;
  if (!limit_form_is_affine(&limit->form) || limit->system.dim > SDE_LINEAR_LARGEST_DIM)
    return NULL;
  struct limit copy;
  struct sde_system general = first_order(limit, true, &copy);
  double *y = sde_alloc(limit->system.dim, sizeof *y);
  if (start != NULL)
    optimizer_start(optimizer, start, y);
  struct affine_frame *frame = affine_frame_new(&general, start == NULL ? NULL : y);
  sde_free(y);
  return frame;
}

struct sde_linear_direction *limit_direction_new(const struct limit *limit,
                                                 const struct affine_frame *frame)
{
  if (!limit_form_is_affine(&limit->form) || limit->system.dim > SDE_LINEAR_LARGEST_DIM)
    return NULL;
  struct limit copy;
  struct sde_system general = first_order(limit, false, &copy);
  struct affine_frame *unit = affine_frame_unit(limit->system.dim);
  const struct affine_frame *chosen = frame != NULL ? frame : unit;
  struct affine_frame of_x = *chosen; /* x comes first in the state */
  of_x.dim = limit->form.dim;
  struct sde_system *affine = affine_limit_new(&general, &of_x, 0);
  struct sde_linear_direction *direction = NULL;
  if (affine != NULL)
    direction =
        limit_lift(&limit->optimizer, &limit->update, chosen, affine_limit_coefficients(affine));
  affine_limit_free(affine);
  affine_frame_free(unit);
  return direction;
}

static void describe(struct limit *limit)
{
  static const char *const orders[] = {"rho_order 0", "rho_order 1", "rho_order exact"};
  char source[80];
  limit_form_describe(&limit->form, sizeof source, source);
  const struct sde_system *system = limit_system(limit);
  snprintf(limit->description, sizeof limit->description,
           "%s%s, %snoise factor by %s (%zu Wiener processes, %s noise)",
           orders[limit->form.options.rho_order], source,
           limit->affine != NULL ? "affine drift and quadratic covariance, " : "",
           limit->affine != NULL || limit->form.plan.cholesky ? "Cholesky" : "columns",
           system->noise_dim, sde_noise_class_name(system->noise));
}

static void set_update(struct limit *limit)
{
  const struct optimizer *optimizer = limit->form.optimizer;
  if (optimizer->update->affine == NULL)
    return;
  limit->vectors = update_rule_vectors(optimizer->update);
  optimizer->update->affine(optimizer, &limit->update);
  limit->lifted = !optimizer_steps_along_gradient(optimizer);
}

/* A column of diagonal noise, lifted, has an entry in each vector, which depends on x_k alone. */
static enum sde_noise_class noise_class_of(const struct limit *limit)
{
  enum sde_noise_class noise = limit_form_noise_class(&limit->form);
  return limit->lifted && noise == SDE_NOISE_DIAGONAL ? SDE_NOISE_COMMUTATIVE : noise;
}

static struct limit *make(const struct optimizer *optimizer, const struct limit_options *options,
                          struct sde_stream stream, bool rehearsed, const char *place,
                          struct sde_status *status)
{
  struct limit *limit = sde_alloc(1, sizeof *limit);
  limit->rehearsed = rehearsed;
  limit->optimizer = *optimizer;
  limit->form =
      (struct limit_form){.optimizer = &limit->optimizer, .options = *options, .stream = stream};
  if (!limit_form_choose(&limit->form, place, status)) {
    limit_free(limit);
    return NULL;
  }
  set_update(limit);
  limit->system = (struct sde_system){.name = optimizer->rule->name,
                                      .dim = optimizer_dim(optimizer),
                                      .noise_dim = factor_noise_dim(&limit->form.plan),
                                      .noise = noise_class_of(limit),
                                      .context = limit,
                                      .workspace_new = workspace_new,
                                      .workspace_free = workspace_free,
                                      .evaluate = evaluate,
                                      .draws = limit_uses_directions(limit)};
  choose_affine(limit);
  describe(limit);
  return limit;
}

struct limit *limit_new(const struct optimizer *optimizer, const struct limit_options *options,
                        struct sde_stream stream, const char *place, struct sde_status *status)
{
  return make(optimizer, options, stream, false, place, status);
}

struct limit *limit_rehearsed(const struct optimizer *optimizer,
                              const struct limit_options *options, struct sde_stream stream,
                              const char *place, struct sde_status *status)
{
  return make(optimizer, options, stream, true, place, status);
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
  return limit->affine != NULL && !limit->lifted ? limit->affine : &limit->system;
}

const struct limit_options *limit_options_of(const struct limit *limit)
{
  return &limit->form.options;
}

bool limit_uses_norm(const struct limit *limit)
{
  const struct limit_form *form = &limit->form;
  return form->options.rho_order == LIMIT_RHO_ORDER_1 && form->options.variance_term &&
         (form->kind == LIMIT_FORM_ENUMERATED || form->kind == LIMIT_FORM_NORM);
}

bool limit_uses_directions(const struct limit *limit)
{
  const struct limit_form *form = &limit->form;
  return form->kind == LIMIT_FORM_SAMPLED ||
         (form->kind == LIMIT_FORM_NORM && form->norm == LIMIT_NORM_OF_FRESH);
}

bool limit_has_potential_columns(const struct limit *limit)
{
  const struct limit_form *form = &limit->form;
  bool components = form->kind == LIMIT_FORM_POINT || form->kind == LIMIT_FORM_EXPANDED ||
                    form->kind == LIMIT_FORM_NORM;
  return objective_is_gaussian(form->optimizer->objective) && components && !form->plan.cholesky;
}

double limit_cost_left_out(const struct limit *limit)
{
  return limit->left_out;
}

double limit_cost(const struct limit *limit)
{
  return limit->affine != NULL ? affine_limit_cost(limit->affine->dim, FACTOR_NORMAL_COST)
                               : limit_form_cost(&limit->form);
}

const struct limit_form *limit_form_of(const struct limit *limit)
{
  return &limit->form;
}

const char *limit_description(const struct limit *limit)
{
  return limit->description;
}
