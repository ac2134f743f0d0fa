/*
 * The optimizers of a recipe: see case_optimizer.h.
 */
#include "experiments/cases/case_optimizer.h"

#include "experiments/cases/case_program.h"
#include "experiments/io/text.h"

#include <string.h>

size_t case_optimizer_count(const struct recipe *recipe, size_t item)
{
  const struct parameters *given = recipe->optimizer[item];
  return parameters_has(given, "micro_batch") ? parameters_count(given, "micro_batch") : 1;
}

static bool check_micro_batch(const struct parameters *given, const struct gradient_rule *rule,
                              struct sde_status *status)
{
  bool has = parameters_has(given, "micro_batch");
  if (has && rule->micro_batch != MICRO_BATCH_GIVEN)
    return sde_fail(status, SDE_INVALID, "%s: %s takes no micro_batch; %s",
                    parameters_place(given, "micro_batch"), rule->name,
                    rule->micro_batch == MICRO_BATCH_WHOLE ? "its micro-batch is the batch"
                                                           : "it has no micro-batches");
  if (!has && rule->micro_batch == MICRO_BATCH_GIVEN && !case_program_is_given(given))
    return sde_fail(status, SDE_INVALID,
                    "%s: %s needs micro_batch, one or a list of sizes that divide the batch",
                    parameters_place(given, "name"), rule->name);
  return true;
}

static bool has_key(const struct gradient_rule *rule, const char *name)
{
  for (const struct parameter_key *key = rule->keys; key != NULL && key->name != NULL; key++)
    if (strcmp(key->name, name) == 0)
      return true;
  return false;
}

/* "rw-sam does", "rw-sam and unified-sam do": the rules that take a key; released with sde_free. */
static char *takers_of(const char *key)
{
  struct text names = {0};
  const char *last = NULL; /* not added yet */
  size_t count = 0;
  for (const struct gradient_rule *const *rule = gradient_rules(); *rule != NULL; rule++) {
    if (!has_key(*rule, key))
      continue;
    if (last != NULL)
      text_add(&names, "%s%s", count++ == 0 ? "" : ", ", last);
    last = (*rule)->name;
  }
  text_add(&names, "%s%s %s", count == 0 ? "" : " and ", last, count == 0 ? "does" : "do");
  return names.data;
}

/* An item may give the keys that its own rule has, and not those of other rules. */
static bool check_own_keys(const struct parameters *given, const struct gradient_rule *rule,
                           struct sde_status *status)
{
  for (const struct gradient_rule *const *other = gradient_rules(); *other != NULL; other++)
    for (const struct parameter_key *key = (*other)->keys; key != NULL && key->name != NULL; key++)
      if (parameters_has(given, key->name) && !has_key(rule, key->name)) {
        char *takers = takers_of(key->name);
        sde_fail(status, SDE_INVALID, "%s: %s takes no %s; only %s",
                 parameters_place(given, key->name), rule->name, key->name, takers);
        sde_free(takers);
        return false;
      }
  return true;
}

const struct update_rule *case_optimizer_update(const struct recipe *recipe, size_t item)
{
  const struct parameters *update = recipe->update[item];
  if (case_program_is_given(recipe->optimizer[item]))
    return NULL;
  return update_rule_named(update == NULL ? "sgd" : parameters_text(update, "name"));
}

/* Are two items of lines called the same? Tables and random numbers could not tell them apart. */
static bool check_names(const struct recipe *recipe, size_t item, struct sde_status *status)
{
  char *own = case_program_name(recipe->optimizer[item]);
  bool good = true;
  for (size_t i = 0; good && i < item; i++) {
    if (!case_program_is_given(recipe->optimizer[i]))
      continue;
    char *other = case_program_name(recipe->optimizer[i]);
    good = strcmp(own, other) != 0 ||
           sde_fail(status, SDE_INVALID, "%s: two rules are called %s; give each its own label",
                    parameters_place(recipe->optimizer[item], "name"), own);
    sde_free(other);
  }
  sde_free(own);
  return good;
}

/* The two rules of the item, or its lines. */
static bool set_rules(const struct parameters *given, const struct parameters *update,
                      struct optimizer *optimizer, struct program_rule **program,
                      struct sde_status *status)
{
  if (case_program_is_given(given)) {
    *program = case_program_new(given, update, optimizer->objective, status);
    if (*program != NULL)
      program_rule_set(*program, optimizer);
    return *program != NULL;
  }
  optimizer->rule = gradient_rule_named(parameters_text(given, "name"));
  optimizer->update = update_rule_named(update == NULL ? "sgd" : parameters_text(update, "name"));
  return case_program_is_absent(given, status);
}

bool case_optimizer_make(const struct recipe *recipe, size_t item, size_t number,
                         struct optimizer *optimizer, struct program_rule **program,
                         const char **place, struct sde_status *status)
{
  const struct parameters *given = recipe->optimizer[item], *update = recipe->update[item];
  *program = NULL;
  if (case_program_is_given(given) && !check_names(recipe, item, status))
    return false;
  if (!set_rules(given, update, optimizer, program, status))
    return false;
  bool sized =
      parameters_has(given, "micro_batch") && optimizer->rule->micro_batch == MICRO_BATCH_GIVEN;
  optimizer->micro_batch = optimizer->batch;
  *place =
      sized ? parameters_place(given, "micro_batch") : parameters_place(recipe->common, "batch");
  if (!optimizer_read(optimizer, given, update, status) ||
      !check_own_keys(given, optimizer->rule, status) ||
      !check_micro_batch(given, optimizer->rule, status))
    return false;
  size_t count;
  if (sized)
    optimizer->micro_batch = (size_t)parameters_reals(given, "micro_batch", &count)[number];
  return true;
}
