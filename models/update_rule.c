/*
 * The registry of update rules, and the step of any. See update_rule.h.
 */
#include "models/update_rule.h"

#include "models/optimizer.h"
#include "sde/block.h"

#include <string.h>

#define UPDATE_RULE(id) extern const struct update_rule update_rule_##id;
#include "models/update_rules.def"
#undef UPDATE_RULE

const struct update_rule *const *update_rules(void)
{
  static const struct update_rule *const all[] = {
#define UPDATE_RULE(id) &update_rule_##id,
#include "models/update_rules.def"
#undef UPDATE_RULE
      NULL};
  return all;
}

const struct update_rule *update_rule_named(const char *name)
{
  for (const struct update_rule *const *rule = update_rules(); *rule != NULL; rule++)
    if (strcmp((*rule)->name, name) == 0)
      return *rule;
  return NULL;
}

size_t update_rule_vectors(const struct update_rule *rule)
{
  size_t count = 1;
  while (count < UPDATE_VECTORS_MAX && rule->extra[count - 1].name != NULL)
    count++;
  return count;
}

void update_affine_apply(const struct update_affine *affine, size_t vectors, size_t size,
                         double factor, const double *y, const double *w, double *u)
{
  for (size_t v = 0; v < vectors; v++) {
    double *out = u + v * size;
    sde_block_fill(size, 0, out);
    for (size_t s = 0; factor != 0 && s < vectors; s++)
      if (affine->state[v][s] != 0)
        sde_block_add(size, factor * affine->state[v][s], y + s * size, out);
    if (affine->gradient[v] != 0)
      sde_block_add(size, affine->gradient[v], w, out);
  }
}

void update_rule_direction(const struct optimizer *optimizer, double time, size_t width,
                           const double *y, const double *w, double *u)
{
  const struct update_rule *rule = optimizer->update;
  if (rule->affine == NULL) {
    rule->direction(optimizer, time, width, y, w, u);
    return;
  }
  struct update_affine affine = {0};
  rule->affine(optimizer, &affine);
  update_affine_apply(&affine, update_rule_vectors(rule), optimizer->objective->loss->dim * width,
                      1, y, w, u);
}

void update_rule_step(const struct optimizer *optimizer, double time, double factor, size_t width,
                      const double *w, double *y, double *u)
{
  if (factor == 1 && optimizer->update->step != NULL) {
    optimizer->update->step(optimizer, time, width, w, y);
    return;
  }
  update_rule_direction(optimizer, time, width, y, w, u);
  if (factor != 1)
    sde_block_scale(optimizer->objective->loss->dim * width, factor, u);
  sde_block_add(optimizer_dim(optimizer) * width, -optimizer->eta, u, y);
}
