/*
 * An optimizer whose lines stand in the recipe. See case_program.h.
 */
#include "experiments/cases/case_program.h"

#include "experiments/io/text.h"
#include "experiments/recipe/schema.h"
#include "sde/number.h"

#include <string.h>

static const char *const keys[] = {"label", "constants", "state", "step"};

bool case_program_is_given(const struct parameters *given)
{
  return strcmp(parameters_text(given, "name"), RECIPE_OWN_RULE) == 0;
}

char *case_program_name(const struct parameters *given)
{
  const char *label = parameters_has(given, "label") ? parameters_text(given, "label") : "";
  char *name = sde_alloc(strlen(label) + sizeof RECIPE_OWN_RULE, 1);
  size_t length = 0;
  for (const char *at = label; *at != '\0'; at++) {
    char small = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    bool plain = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9');
    if (plain || (length > 0 && name[length - 1] != '-'))
      name[length++] = plain ? small : '-';
  }
  while (length > 0 && name[length - 1] == '-')
    name[--length] = '\0';
  if (length == 0)
    strcpy(name, RECIPE_OWN_RULE);
  return name;
}

bool case_program_is_absent(const struct parameters *given, struct sde_status *status)
{
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (parameters_has(given, keys[i]))
      return sde_fail(status, SDE_INVALID, "%s: %s takes no %s; only %s does",
                      parameters_place(given, keys[i]), parameters_text(given, "name"), keys[i],
                      RECIPE_OWN_RULE);
  return true;
}

/* Numbers with a name, from "name = 1, 2". */
struct named {
  char *name;
  size_t count;
  double *number;
};

static void named_free(size_t count, struct named *named)
{
  for (size_t i = 0; i < count; i++) {
    sde_free(named[i].name);
    sde_free(named[i].number);
  }
  sde_free(named);
}

static bool split(const char *text, const char *place, struct named *named,
                  struct sde_status *status)
{
  const char *sign = strchr(text, '='), *at;
  size_t length = strcspn(text, " =");
  named->name = sde_format("%.*s", (int)length, text);
  named->number = sde_alloc(strlen(text) + 1, sizeof *named->number);
  for (at = sign; at != NULL && *at != '\0'; at += strspn(at, " ")) {
    at += 1 + strspn(at + 1, " ");
    size_t digits = strcspn(at, ", ");
    if (!sde_number_read(digits, at, &named->number[named->count++]))
      break;
    at += digits;
  }
  if (sign != NULL && *at == '\0' && text[length + strspn(text + length, " ")] == '=')
    return true;
  return sde_fail(status, SDE_INVALID, "%s: '%s' is no name with a number; accepted is `mu = 0.9`",
                  place, text);
}

/* The numbers of a key; NULL, and the status says why, where one is none. *count is 0 without it. */
static struct named *named_of(const struct parameters *given, const char *key, size_t *count,
                              struct sde_status *status)
{
  *count = 0;
  if (!parameters_has(given, key))
    return sde_alloc(1, sizeof(struct named));
  const char *const *texts = parameters_texts(given, key, count);
  struct named *named = sde_alloc(*count, sizeof *named);
  for (size_t i = 0; i < *count; i++)
    if (!split(texts[i], parameters_place(given, key), &named[i], status)) {
      named_free(*count, named);
      return NULL;
    }
  return named;
}

/* A constant is one number, a vector one or as many as there are coordinates. */
static bool check_counts(const struct parameters *given, size_t constants,
                         const struct named *constant, size_t vectors, const struct named *vector,
                         size_t dim, struct sde_status *status)
{
  for (size_t i = 0; i < constants; i++)
    if (constant[i].count != 1)
      return sde_fail(status, SDE_INVALID, "%s: the constant %s has %zu numbers; it is one",
                      parameters_place(given, "constants"), constant[i].name, constant[i].count);
  for (size_t i = 0; i < vectors; i++)
    if (vector[i].count != 1 && vector[i].count != dim)
      return sde_fail(status, SDE_INVALID,
                      "%s: %s starts at %zu numbers; accepted are one for all coordinates, or %zu",
                      parameters_place(given, "state"), vector[i].name, vector[i].count, dim);
  return true;
}

static struct program_rule *make(const struct parameters *given, size_t constants,
                                 const struct named *constant, size_t vectors,
                                 const struct named *vector, struct sde_status *status)
{
  char *name = case_program_name(given);
  struct program_constant *numbers = sde_alloc(constants, sizeof *numbers);
  struct program_vector *starts = sde_alloc(vectors, sizeof *starts);
  for (size_t i = 0; i < constants; i++)
    numbers[i] = (struct program_constant){constant[i].name, constant[i].number[0]};
  for (size_t i = 0; i < vectors; i++)
    starts[i] = (struct program_vector){vector[i].name, vector[i].count, vector[i].number};
  struct program_source source = {.place = parameters_place(given, "step"),
                                  .constants = constants,
                                  .constant = numbers,
                                  .vectors = vectors,
                                  .vector = starts};
  source.line = parameters_texts(given, "step", &source.lines);
  struct program_rule *rule = program_rule_new(&source, name, status);
  sde_free(name);
  sde_free(numbers);
  sde_free(starts);
  return rule;
}

static bool check_item(const struct parameters *given, const struct parameters *update,
                       struct sde_status *status)
{
  if (!parameters_has(given, "step"))
    return sde_fail(status, SDE_INVALID,
                    "%s: a rule needs `step`, lines such as `x = x - eta*grad(x)`; "
                    "docs/own-algorithm.md",
                    parameters_place(given, "name"));
  char *name = case_program_name(given);
  bool taken = gradient_rule_named(name) != NULL || update_rule_named(name) != NULL;
  if (taken)
    sde_fail(status, SDE_INVALID, "%s: %s is a rule that is built in; choose another label",
             parameters_place(given, "label"), name);
  sde_free(name);
  if (taken)
    return false;
  return update == NULL ||
         sde_fail(status, SDE_INVALID,
                  "%s: a rule takes no update rule; its lines say what becomes of x",
                  parameters_place(update, "name"));
}

struct program_rule *case_program_new(const struct parameters *given,
                                      const struct parameters *update,
                                      const struct objective *objective, struct sde_status *status)
{
  size_t constants, vectors;
  struct program_rule *rule = NULL;
  if (!check_item(given, update, status))
    return NULL;
  struct named *constant = named_of(given, "constants", &constants, status);
  struct named *vector = constant == NULL ? NULL : named_of(given, "state", &vectors, status);
  if (vector != NULL &&
      check_counts(given, constants, constant, vectors, vector, objective->loss->dim, status))
    rule = make(given, constants, constant, vectors, vector, status);
  if (constant != NULL)
    named_free(constants, constant);
  if (vector != NULL)
    named_free(vectors, vector);
  if (rule == NULL || objective->sampling != OBJECTIVE_GAUSSIAN ||
      !program_rule_takes_batch_loss(rule))
    return rule;
  sde_fail(status, SDE_INVALID,
           "%s: loss(..) of a mini-batch is not known where noise potentials are drawn; "
           "full_loss(..) is",
           parameters_place(given, "step"));
  program_rule_free(rule);
  return NULL;
}
