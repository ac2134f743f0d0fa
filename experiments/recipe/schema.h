/*
 * The schema of recipes: which keys each of its maps accepts. It drives reading, `--set`, hints,
 * `list`, starter recipes and the resolved recipe; what a loss, a noise model, an optimizer or a
 * study accepts comes from its own table of keys.
 */
#ifndef EXPERIMENTS_RECIPE_SCHEMA_H
#define EXPERIMENTS_RECIPE_SCHEMA_H

#include "models/loss.h"
#include "models/optimizer.h"
#include "models/parameters.h"

#include <stdbool.h>
#include <stddef.h>

struct study_type;

/* A bound of a number that stands for no bound. */
#define SCHEMA_UNBOUNDED 1e300

/* The name of an optimizer that is lines of the recipe. */
#define RECIPE_OWN_RULE "rule"

/* What stands under a key: a value, or a map with its own schema. */
enum schema_section {
  SCHEMA_VALUE,
  SCHEMA_LOSS,
  SCHEMA_NOISE,
  SCHEMA_OPTIMIZERS, /* a list of maps */
  SCHEMA_UPDATE,     /* in an item of SCHEMA_OPTIMIZERS */
  SCHEMA_OUTPUT,
  SCHEMA_SCHEDULE, /* its keys are maps of a shape each, SCHEMA_SHAPE */
  SCHEMA_SHAPE,
  SCHEMA_DOMAIN,
  SCHEMA_SDE /* a map or a list of maps, which may be empty */
};

struct schema_row {
  struct parameter_key key; /* of a section only name, fallback, required and help count */
  enum schema_section section;
  bool checksum;    /* SHA-256 of the files under the row before, checked on reading */
  const char *page; /* of the documentation, which says what is accepted and why; or NULL */
  char *owned_name, *owned_choices;
};

/* The keys of one map, in the order of the resolved recipe. */
struct schema {
  size_t count;
  struct schema_row *row;
};

/* The schema of the whole recipe, which may name one of these studies, and of its sections; a type
 * that is not known yet is NULL, and what it adds is then left out. An optimizer
 * has the keys of all gradient rules, so that a key of another rule is named as such; where two
 * rules have a key of one name, it is its own rule's. schema_gradient_rule has the rule's keys
 * alone. Released with schema_free. */
struct schema *schema_recipe(const struct study_type *const *studies,
                             const struct study_type *study);
struct schema *schema_loss(const struct loss_type *type);
struct schema *schema_noise(void);
struct schema *schema_optimizer(const struct gradient_rule *own);
struct schema *schema_gradient_rule(const struct gradient_rule *rule);
struct schema *schema_update(const struct update_rule *rule);
struct schema *schema_schedule(void);
struct schema *schema_domain(void);
struct schema *schema_shape(const struct schedule_shape *shape);
struct schema *schema_sde(void);
struct schema *schema_output(void);
void schema_free(struct schema *schema);

/* The row of a key, or NULL. */
const struct schema_row *schema_find(const struct schema *schema, const char *name);

/* The names of all keys with spaces between them; released with sde_free. */
char *schema_names(const struct schema *schema);

/* What a row accepts: "a whole number from 1 to 64, or a list of them"; released with sde_free. */
char *schema_accepts(const struct schema_row *row);

/* The same and "; required", "; optional" or "; default ..."; released with sde_free. */
char *schema_describe(const struct schema_row *row);

#endif
