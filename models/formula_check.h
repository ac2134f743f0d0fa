/*
 * The check of a formula at a point: are the value, the gradient and the Hessian of every sample
 * finite there? Where not, which operation of the text is to blame.
 */
#ifndef MODELS_FORMULA_CHECK_H
#define MODELS_FORMULA_CHECK_H

#include "models/formula_graph.h"
#include "models/formula_parse.h"

/* What is checked: a formula with its derivatives. */
struct formula_check {
  const struct formula_graph *graph;
  const struct formula_names *names;
  size_t dim, written; /* nodes of the text itself, without derivatives */
  uint32_t root;
  uint32_t *gradient, *hessian_vector; /* dim nodes each */
  char *place;
};

/* Made when the text is parsed and before it is differentiated; gradient and hessian_vector are
 * then to be filled. */
void formula_check_init(struct formula_check *check, const struct formula_graph *graph,
                        const struct formula_names *names, size_t dim, uint32_t root,
                        const char *place);
void formula_check_release(struct formula_check *check);

/* At x, for each of these samples with values value[a*samples + i]; the Hessian is tried along
 * (1, ..., 1), along which no infinite entry disappears. */
bool formula_check_at(const struct formula_check *check, size_t samples, const double *value,
                      const double *x, struct sde_status *status);

/* The operations of the text that have no value for some operands, where these vary with x: roots
 * and logarithms, quotients, powers; "log in column 5, / in column 9". NULL where there is none;
 * released with sde_free. */
char *formula_check_partial(const struct formula_check *check);

#endif
