/*
 * Comparisons: the scheme's error, and how wide intervals are. See comparison.h.
 */
#include "experiments/studies/comparison.h"

#include <math.h>

bool comparison_same_variant(const struct comparison *a, const struct comparison *b)
{
  const struct optimizer *x = &a->one->optimizer, *y = &b->one->optimizer;
  return optimizer_same_rules(x, y) && x->batch == y->batch && x->rho == y->rho &&
         a->one->paths == b->one->paths;
}

char *comparison_label(const struct comparison *row)
{
  char *name = case_label(row->one);
  char *label =
      sde_format("%s, b %zu, rho %g", name, row->one->optimizer.batch, row->one->optimizer.rho);
  sde_free(name);
  return label;
}

double comparison_quantile(const struct cases *cases, size_t count)
{
  /* A row enters the verdict on eta, by itself and extrapolated, that on the variance term, a
   * decay, and with its two means those beside the exact ones. */
  return sde_family_quantile(parameters_real(cases->recipe->common, "level"), 6 * count);
}
