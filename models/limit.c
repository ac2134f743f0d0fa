/*
 * Limits: a system made of an optimizer's form of F and Sigma: lifted from w to the state of the
 * update rule, to second order in eta where that is asked for, and by interpolation where that is
 * cheaper. theory.md sections 3 and 12. See limit.h, and limit_forms.h for the forms themselves.
 */
#include "models/limit_forms.h"

#include "models/affine_limit.h"
#include "models/second_order.h"
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
  bool wrapped;    /* the system is more than that of w: lifted, scheduled or without noise */
  double left_out; /* of a rehearsal, in multiply-adds */
  char description[240];
};

struct workspace {
  const struct limit *limit;
  struct limit_form_workspace *form;
  void *affine;
  double *drift, *noise; /* of w, where the limit is lifted */
  double *trace;         /* grad tr V and scratch, 4 dim * width; of reshuffled batches */
  struct second_order_workspace second;
  /* Where rho has a schedule: the optimizer and the form as they are at a time. */
  struct optimizer optimizer;
  struct limit_form form_now;
};

static void *workspace_new(const struct sde_system *system, size_t width)
{
  const struct limit *limit = system->context;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t dim = limit->form.options.eta_order == 2 ? system->dim : 0;
  size_t lifted = limit->lifted ? limit->form.dim * width : 0;
  workspace->limit = limit;
  if (limit->affine != NULL)
    workspace->affine = sde_system_workspace_new(limit->affine, width);
  else
    workspace->form = limit_form_workspace_new(&limit->form, width);
  workspace->drift = sde_alloc(lifted, sizeof(double));
  workspace->noise = sde_alloc(lifted, sizeof(double));
  workspace->second = second_order_workspace_new(dim, width);
  workspace->trace =
      sde_alloc(limit->optimizer.objective->reshuffled ? 4 * dim : 0, width * sizeof(double));
  workspace->optimizer = limit->optimizer;
  workspace->form_now = limit->form;
  workspace->form_now.optimizer = &workspace->optimizer;
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
  sde_free(workspace->trace);
  second_order_workspace_free(&workspace->second);
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
    limit_form_evaluate(&workspace->form_now, workspace->form, at, width, x, dw, drift, noise);
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

/* That with the factors of a schedule, `ahead` of the instant along their tangent: rho in the form,
 * eta as the factor of the drift and the noise of x; and without noise where none is wanted. */
static void evaluate_scheduled(const struct limit *limit, struct workspace *workspace,
                               const struct sde_instant *at, double ahead, size_t width,
                               const double *y, const double *dw, double *drift, double *noise)
{
  size_t size = limit->optimizer.objective->loss->dim * width;
  struct optimizer_factors factors = optimizer_factors_at(&limit->optimizer, at->time);
  struct sde_instant moved = *at;
  bool noiseless = limit->form.options.factor == LIMIT_FACTOR_NONE;
  double factor = factors.eta + ahead * factors.eta_slope;
  moved.time += ahead;
  workspace->optimizer.rho = limit->optimizer.rho * (factors.rho + ahead * factors.rho_slope);
  if (drift != NULL || !noiseless)
    evaluate_first_order(&limit->system, workspace, &moved, width, y, noiseless ? NULL : dw, drift,
                         noise);
  if (dw != NULL && noiseless)
    sde_block_fill(limit->system.dim * width, 0, noise);
  if (drift != NULL && factor != 1)
    sde_block_scale(size, factor, drift);
  if (dw != NULL && factor != 1)
    sde_block_scale(size, factor, noise);
}

static void drift_ahead(void *context, const struct sde_instant *at, double ahead, size_t width,
                        const double *x, double *drift)
{
  struct workspace *workspace = context;
  evaluate_scheduled(workspace->limit, workspace, at, ahead, width, x, NULL, drift, NULL);
}

/* The flow of reshuffled batches: -(eta/4) c(b) grad tr V, besides the second order of other
 * batches. theory.md section 12. */
static void add_reshuffling(const struct limit *limit, struct workspace *workspace, size_t width,
                            const double *x, double *drift)
{
  const struct optimizer *optimizer = &limit->optimizer;
  size_t size = limit->system.dim * width;
  objective_noise_trace_gradient(optimizer->objective, width, x, workspace->trace,
                                 workspace->trace + size);
  sde_block_add(
      size, -optimizer->eta / 4 * objective_epoch_factor(optimizer->objective, optimizer->batch),
      workspace->trace, drift);
}

static void evaluate(const struct sde_system *system, void *memory, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  const struct limit *limit = system->context;
  struct workspace *workspace = memory;
  evaluate_scheduled(limit, workspace, at, 0, width, x, dw, drift, noise);
  if (drift == NULL || limit->form.options.eta_order != 2)
    return;
  struct second_order order = {.eta = limit->optimizer.eta,
                               .dim = system->dim,
                               .affine = limit_form_is_affine(&limit->form),
                               .varies = optimizer_varies(&limit->optimizer),
                               .drift = drift_ahead};
  second_order_apply(&order, &workspace->second, workspace, at, width, x, drift);
  if (limit->optimizer.objective->reshuffled && limit->form.options.variance_term)
    add_reshuffling(limit, workspace, width, x, drift);
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
  copy->form.options.eta_order = 1;
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

/* Learn the affine limit; of a rehearsal, where that takes long, only how long it takes to
 * evaluate. */
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
  if (!limit_form_is_affine(form) || form->optimizer->objective->sampling == OBJECTIVE_GAUSSIAN ||
      limit->optimizer.rho_schedule != NULL)
    return;
  struct limit copy;
  struct sde_system general = first_order(limit, false, &copy);
  if (!limit_form_is_cheaper_affine(form, learning_cost(&general)))
    return;
  bool second = form->options.eta_order == 2 && !limit->wrapped;
  build_affine(limit, &general, second ? form->optimizer->eta : 0);
  if (limit->affine != NULL && form->options.factor != LIMIT_FACTOR_NONE)
    limit->system.noise_dim = limit->affine->noise_dim;
}

struct affine_frame *limit_frame_new(const struct limit *limit)
{
  const struct optimizer *optimizer = limit->form.optimizer;
  const double *start = optimizer->objective->start;
  if (!limit_form_is_affine(&limit->form) || limit->system.dim > SDE_LINEAR_LARGEST_DIM ||
      optimizer->objective->reshuffled)
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
  if (!limit_form_is_affine(&limit->form) || limit->system.dim > SDE_LINEAR_LARGEST_DIM ||
      limit->optimizer.objective->reshuffled)
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
  if (affine != NULL && limit->form.options.factor == LIMIT_FACTOR_NONE)
    sde_block_fill(limit->system.dim * (limit->system.dim + 1) / 2 *
                       sde_linear_size(limit->system.dim),
                   0, (double *)direction->covariance);
  affine_limit_free(affine);
  affine_frame_free(unit);
  return direction;
}

static void describe(struct limit *limit)
{
  static const char *const orders[] = {"rho_order 0", "rho_order 1", "rho_order exact"};
  char source[120];
  limit_form_describe(&limit->form, sizeof source, source);
  const struct sde_system *system = limit_system(limit);
  if (limit->form.options.factor == LIMIT_FACTOR_NONE) {
    snprintf(limit->description, sizeof limit->description, "%s%s, without noise",
             orders[limit->form.options.rho_order], source);
    return;
  }
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
  limit->wrapped =
      optimizer_is_scheduled(optimizer) || limit->form.options.factor == LIMIT_FACTOR_NONE;
  if (optimizer->update->affine == NULL)
    return;
  limit->vectors = update_rule_vectors(optimizer->update);
  optimizer->update->affine(optimizer, &limit->update);
  limit->lifted = !optimizer_steps_along_gradient(optimizer);
  limit->wrapped = limit->wrapped || limit->lifted;
}

/* A column of diagonal noise, lifted, has an entry in each vector, which depends on x_k alone. */
static enum sde_noise_class noise_class_of(const struct limit *limit)
{
  enum sde_noise_class noise = limit_form_noise_class(&limit->form);
  if (limit->form.options.factor == LIMIT_FACTOR_NONE)
    return SDE_NOISE_ADDITIVE;
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
  if (optimizer->objective->reshuffled) /* over an epoch the covariance is O(eta^4) */
    limit->form.options.factor = LIMIT_FACTOR_NONE;
  if (!limit_form_choose(&limit->form, place, status)) {
    limit_free(limit);
    return NULL;
  }
  set_update(limit);
  limit->system = (struct sde_system){.name = optimizer->rule->name,
                                      .dim = optimizer_dim(optimizer),
                                      .noise_dim = limit->form.options.factor == LIMIT_FACTOR_NONE
                                                       ? 1
                                                       : limit_form_noise_dim(&limit->form),
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
  return limit->affine != NULL && !limit->wrapped ? limit->affine : &limit->system;
}

const struct limit_options *limit_options_of(const struct limit *limit)
{
  return &limit->form.options;
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
