/*
 * The command `list`: what recipes can name, in tables of 80 columns.
 */
#include "experiments/command/command.h"
#include "experiments/io/text.h"
#include "experiments/recipe/schema.h"
#include "experiments/studies/studies.h"
#include "models/observables.h"
#include "sde/scheme.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80 };

/* A row of two columns, indented. */
static void print_row(int indent, const char *name, const char *text)
{
  enum { COLUMN = 24 };
  char *first = sde_format("%*s%-*s ", indent, "", COLUMN - indent - 1, name);
  char *margin = sde_format("%*s", COLUMN, "");
  text_wrap(stdout, WIDTH, first, margin, text);
  sde_free(first);
  sde_free(margin);
}

static void print_keys(int indent, struct schema *schema, size_t from)
{
  for (size_t i = from; i < schema->count; i++) {
    const struct parameter_key *key = &schema->row[i].key;
    if (schema->row[i].checksum)
      continue;
    char *accepts = schema_describe(&schema->row[i]);
    char *text = sde_format("%s [%s]", key->help, accepts);
    print_row(indent, key->name, text);
    sde_free(accepts);
    sde_free(text);
  }
  schema_free(schema);
}

static void list_losses(void)
{
  for (const struct loss_type *const *type = loss_types(); *type != NULL; type++) {
    print_row(2, (*type)->name, (*type)->summary);
    print_keys(4, schema_loss(*type), 1); /* but for its name */
  }
}

static void list_noise(void)
{
  print_keys(2, schema_noise(), 0);
  printf("structures, with the keys that each reads\n");
  for (const struct noise_structure *const *all = noise_structures(); *all != NULL; all++) {
    struct text text = {0};
    text_add(&text, "%s. Keys:", (*all)->summary);
    for (const char *const *key = (*all)->keys; *key != NULL; key++)
      text_add(&text, " %s%s", *key, key[1] == NULL ? "" : ",");
    print_row(2, (*all)->name, text.data);
    sde_free(text.data);
  }
}

static void list_optimizers(void)
{
  for (const struct gradient_rule *const *rule = gradient_rules(); *rule != NULL; rule++) {
    print_row(2, (*rule)->name, (*rule)->summary);
    print_keys(4, schema_gradient_rule(*rule), 0);
  }
  print_row(2, RECIPE_OWN_RULE,
            "lines of your own: {name: rule, label, micro_batch, constants, "
            "state, step}; docs/own-algorithm.md");
  printf("update rules, with their keys (optimizers: [{name: ..., update: {name: ...}}])\n");
  for (const struct update_rule *const *rule = update_rules(); *rule != NULL; rule++) {
    print_row(2, (*rule)->name, (*rule)->summary);
    print_keys(4, schema_update(*rule), 1); /* but for its name */
  }
}

static void list_schemes(void)
{
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct text text = {0};
    text_add(&text, "%s: ", (*scheme)->title);
    if ((*scheme)->exact)
      text_add(&text, "exact for additive noise and linear drift, no other");
    else
      text_add(&text, "weak order %g; strong order", (*scheme)->weak_order);
    for (int noise = 0; !(*scheme)->exact && noise < SDE_NOISE_CLASSES; noise++) {
      double order = (*scheme)->on[noise].strong_order;
      text_add(&text, "%s %s", noise == 0 ? "" : ",", order > 0 ? "" : "not for ");
      if (order > 0)
        text_add(&text, "%g for ", order);
      text_add(&text, "%s", sde_noise_class_name((enum sde_noise_class)noise));
    }
    text_add(&text, "%s. %s", (*scheme)->exact ? "" : " noise", (*scheme)->reference);
    print_row(2, (*scheme)->name, text.data);
    sde_free(text.data);
  }
}

static void list_studies(void)
{
  for (const struct study_type *const *study = study_types(); *study != NULL; study++)
    print_row(2, (*study)->name, (*study)->summary);
}

static void list_observables(void)
{
  for (const struct observable_type *const *type = observable_types(); *type != NULL; type++)
    print_row(2, (*type)->name, (*type)->help);
  for (const struct loss_type *const *loss = loss_types(); *loss != NULL; loss++) {
    const struct loss_observable *own = (*loss)->observables;
    for (; own != NULL && own->name != NULL; own++) {
      char *text = sde_format("%s (loss %s)", own->help, (*loss)->name);
      print_row(2, own->name, text);
      sde_free(text);
    }
  }
}

static const struct topic {
  const char *name, *heading;
  void (*list)(void);
} topics[] = {
    {"losses", "losses, with their keys (loss: {name: ..., ...})", list_losses},
    {"noise", "noise, its keys (noise: {sampling: ..., ...})", list_noise},
    {"optimizers", "optimizers (optimizers: [{name: ...}, ...]); see sharpsde explain",
     list_optimizers},
    {"schemes", "schemes (sde: {scheme: ...})", list_schemes},
    {"studies", "studies (study: ...)", list_studies},
    {"observables", "observables (observables: [...])", list_observables},
};

enum { TOPICS = sizeof topics / sizeof *topics };

static bool find_topic(const char *name, size_t *found, struct sde_status *status)
{
  struct text names = {0};
  for (*found = 0; *found < TOPICS; ++*found) {
    if (strcmp(topics[*found].name, name) == 0)
      break;
    text_add(&names, "%s ", topics[*found].name);
  }
  if (*found == TOPICS)
    command_unknown("topic", name, names.data, status);
  sde_free(names.data);
  return status->code == SDE_OK;
}

int command_list(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  bool wanted[TOPICS] = {false};
  size_t found;
  for (int i = 1; i < argc; i++)
    if (find_topic(argv[i], &found, &status))
      wanted[found] = true;
  for (size_t i = 0, printed = 0; i < TOPICS && status.code == SDE_OK; i++)
    if (argc == 1 || wanted[i]) {
      printf("%s%s\n", printed++ == 0 ? "" : "\n", topics[i].heading);
      topics[i].list();
    }
  return command_end(&status);
}
