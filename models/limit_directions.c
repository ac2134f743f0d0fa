/*
 * The directions of a gradient rule as a form of its limit: F and Sigma from all micro-batches or
 * from fresh draws, whatever the rule is, to any order in rho; and from all batches, or fresh
 * draws, for an update rule that is not affine. theory.md sections 3 and 12. See limit_forms.h.
 */
#include "models/limit_forms.h"

#include "sde/block.h"

#include <math.h>

static enum gradient_expansion expansion_of(const struct limit_form *form)
{
  static const enum gradient_expansion of[] = {[LIMIT_RHO_ORDER_0] = GRADIENT_PLAIN,
                                               [LIMIT_RHO_ORDER_1] = GRADIENT_LINEAR_IN_RHO,
                                               [LIMIT_RHO_ORDER_EXACT] = GRADIENT_EXACT};
  return of[form->options.rho_order];
}

/* w of draw c: of micro-batch c, of batch c, or of a fresh batch. */
static void gradient_of(const struct limit_form *form, struct limit_form_workspace *w,
                        const struct sde_instant *at, size_t c, size_t width, const double *x,
                        double *out)
{
  const struct optimizer *optimizer = form->optimizer;
  struct micro_batches *batches = &w->optimizer->batches;
  if (form->kind == LIMIT_FORM_SAMPLED) {
    struct sde_address address = limit_form_address(form, at, c);
    objective_draw(optimizer->objective, &address, width, batches);
    optimizer_batch_gradient(optimizer, w->optimizer, &address, expansion_of(form), width, x, out);
    return;
  }
  batches->index = form->enumeration.index + c * form->enumeration.size;
  if (form->whole_batches)
    optimizer_batch_gradient(optimizer, w->optimizer, NULL, expansion_of(form), width, x, out);
  else
    optimizer_micro_gradient(optimizer, w->optimizer, NULL, expansion_of(form), width, 0, x, out);
}

/* U = (y - y')/eta of a program: of batch c, or of a fresh batch. */
static void program_direction(const struct limit_form *form, struct limit_form_workspace *w,
                              const struct sde_instant *at, size_t c, size_t width, const double *y,
                              double *u)
{
  const struct optimizer *optimizer = form->optimizer;
  struct sde_address address;
  bool fresh = form->kind == LIMIT_FORM_SAMPLED;
  size_t size = form->dim * width;
  if (fresh) {
    address = limit_form_address(form, at, c);
    objective_draw(optimizer->objective, &address, width, &w->optimizer->batches);
  } else
    w->optimizer->batches.index = form->enumeration.index + c * form->enumeration.size;
  optimizer_run_program(optimizer, w->optimizer, fresh ? &address : NULL, at->time / optimizer->eta,
                        width, y, u);
  sde_block_scale(size, -1 / optimizer->eta, u);
  sde_block_add(size, 1 / optimizer->eta, y, u);
}

/* Its direction: w, or U at y = (x, extra). */
static void direction_of(const struct limit_form *form, struct limit_form_workspace *w,
                         const struct sde_instant *at, size_t c, size_t width, const double *y,
                         double *u)
{
  if (form->optimizer->program != NULL) {
    program_direction(form, w, at, c, width, y, u);
    return;
  }
  gradient_of(form, w, at, c, width, y, form->whole_batches ? w->v : u);
  if (form->whole_batches)
    update_rule_direction(form->optimizer, at->time, width, y, w->v, u);
}

/* Cov u = (1/r) Cov u_I + (1 - 1/r) Cov(u_I, u_J) over ordered disjoint pairs; the factor holds
 * the raw second moment of u_I, and its mean products are subtracted later, once. */
static void add_disjoint_pairs(const struct limit_form *form, struct limit_form_workspace *w,
                               size_t width)
{
  const struct enumeration *all = &form->enumeration;
  size_t dim = form->plan.dim, size = dim * width;
  double r = (double)(form->optimizer->batch / form->optimizer->micro_batch);
  sde_block_scale(dim * (dim + 1) / 2 * width, 1 / r, w->factor.covariance);
  for (size_t c = 0; c < all->count; c++) {
    size_t partners = 0;
    sde_block_fill(size, 0, w->scratch);
    for (size_t e = 0; e < all->count; e++)
      if (enumeration_disjoint(all, c, e)) {
        sde_block_add(size, 1, w->directions + e * size, w->scratch);
        partners++;
      }
    limit_form_add_outer(dim, width, (1 - 1 / r) * all->probability[c] / (double)partners,
                         w->directions + c * size, w->scratch, w->factor.covariance);
  }
}

/* The root of eta Cov u over the covariance that the factor holds: its share is S/(S - 1) for S
 * fresh directions; 1 for all batches, and with pairs; 1/r, or c(b) for m = 1, for micro-batches.
 */
static double direction_scale(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  double eta = optimizer->eta, count = (double)form->directions;
  size_t m = optimizer->micro_batch;
  if (form->kind == LIMIT_FORM_SAMPLED)
    return sqrt(eta * count / (count - 1));
  if (form->pairs || form->whole_batches)
    return sqrt(eta);
  return sqrt(eta * (m == 1 ? objective_batch_factor(optimizer->objective, optimizer->batch)
                            : (double)m / (double)optimizer->batch));
}

/* Directions count as deviations from the first. Fresh ones are unbiased, with spurious noise of
 * relative size dt/eta over their number. */
void limit_directions_evaluate(const struct limit_form *form, struct limit_form_workspace *w,
                               const struct sde_instant *at, size_t width, const double *x,
                               const double *dw, double *drift, double *noise)
{
  bool sampled = form->kind == LIMIT_FORM_SAMPLED;
  size_t size = form->plan.dim * width, count = form->plan.columns;
  if (form->matrix) {
    limit_form_by_matrix(form, w, width, form->optimizer->rho, x, direction_scale(form), dw, noise);
    if (drift != NULL)
      limit_form_set_drift(size, w->factor.mean, 0, NULL, drift);
    return;
  }
  factor_begin(&form->plan, &w->factor, width);
  for (size_t c = 0; c < count; c++) {
    double *u = form->pairs ? w->directions + c * size : w->column;
    direction_of(form, w, at, c, width, x, u);
    limit_form_centre(size, c, u, w->first);
    factor_add(&form->plan, &w->factor, width, c,
               sampled ? 1 / (double)count : form->enumeration.probability[c], u, dw);
  }
  if (drift != NULL)
    limit_form_set_drift(size, w->first, 1, w->factor.mean, drift);
  if (dw == NULL)
    return;
  if (form->pairs)
    add_disjoint_pairs(form, w, width);
  factor_finish(&form->plan, &w->factor, width, direction_scale(form), dw, noise);
}
