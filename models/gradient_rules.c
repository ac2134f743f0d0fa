/*
 * The registry of gradient rules: see gradient_rule.h.
 */
#include "models/gradient_rule.h"

#include <string.h>

#define GRADIENT_RULE(id) extern const struct gradient_rule gradient_rule_##id;
#include "models/gradient_rules.def"
#undef GRADIENT_RULE

const struct gradient_rule *const *gradient_rules(void)
{
  static const struct gradient_rule *const all[] = {
#define GRADIENT_RULE(id) &gradient_rule_##id,
#include "models/gradient_rules.def"
#undef GRADIENT_RULE
      NULL};
  return all;
}

const struct gradient_rule *gradient_rule_named(const char *name)
{
  for (const struct gradient_rule *const *rule = gradient_rules(); *rule != NULL; rule++)
    if (strcmp((*rule)->name, name) == 0 ||
        ((*rule)->other_name != NULL && strcmp((*rule)->other_name, name) == 0))
      return *rule;
  return NULL;
}
