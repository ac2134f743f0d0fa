/*
 * The command `new`: a starter recipe of a study, made from the schema, that runs as it is.
 */
#include "experiments/command/command.h"
#include "experiments/io/text.h"
#include "experiments/recipe/schema.h"
#include "experiments/studies/studies.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80 };

/* What stands in the starter where a key has no default, or a better value than that: the golden
 * quadratic with the whole family beside it. */
static const struct {
  enum schema_section section;
  const char *key, *value;
} examples[] = {
    {SCHEMA_VALUE, "start", "[1.5, -1.0]"},
    {SCHEMA_VALUE, "batch", "4"},
    {SCHEMA_VALUE, "eta", "[0.1, 0.05]"},
    {SCHEMA_VALUE, "rho", "0.1"},
    {SCHEMA_VALUE, "time", "2"},
    {SCHEMA_VALUE, "paths", "20000"},
    {SCHEMA_VALUE, "observables", "[loss, noise-trace]"},
    {SCHEMA_VALUE, "boundary", "1"},
    {SCHEMA_LOSS, "name", "quadratic"},
    {SCHEMA_LOSS, "data", "quadratic4.csv"},
};

static const char *const starter_optimizers[] = {"{name: sgd}", "{name: n-usam}",
                                                 "{name: m-usam, micro_batch: [4, 2, 1]}", NULL};

static const char *value_of(const struct study_type *study, enum schema_section section,
                            const char *key, const char *fallback)
{
  const char *const *own = section == SCHEMA_VALUE ? study->starter : NULL;
  for (; own != NULL && own[0] != NULL; own += 2)
    if (strcmp(own[0], key) == 0)
      return own[1];
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
    if (examples[i].section == section && strcmp(examples[i].key, key) == 0)
      return examples[i].value;
  return fallback;
}

/* What the key is, what it accepts, its default, as a comment. */
static void print_comment(const char *margin, const struct schema_row *row)
{
  char *describe = schema_describe(row), *first = sde_format("%s# ", margin);
  char *text = sde_format("%s: %s [%s]", row->key.name, row->key.help, describe);
  text_wrap(stdout, WIDTH, first, first, text);
  sde_free(text);
  sde_free(first);
  sde_free(describe);
}

/* Under index sampling, which is the default, no other key of the noise may be given. */
static bool is_refused(enum schema_section section, const char *key)
{
  return section == SCHEMA_NOISE && strcmp(key, "sampling") != 0;
}

/* Comments and values of a section's keys. Frees the schema. */
static void print_section(const struct study_type *study, enum schema_section section,
                          struct schema *schema)
{
  for (size_t i = 0; i < schema->count; i++) {
    const struct parameter_key *key = &schema->row[i].key;
    const char *value = value_of(study, section, key->name, key->fallback);
    if (schema->row[i].checksum)
      continue;
    print_comment("  ", &schema->row[i]);
    if (value != NULL && section != SCHEMA_OPTIMIZERS && !is_refused(section, key->name))
      printf("  %s: %s\n", key->name, value);
  }
  schema_free(schema);
}

static const char *const *optimizers_of(const struct study_type *study)
{
  return study->starter_optimizers != NULL ? study->starter_optimizers : starter_optimizers;
}

static void print_sections(const struct study_type *study, enum schema_section section)
{
  if (section == SCHEMA_LOSS)
    print_section(study, section,
                  schema_loss(loss_type_named(value_of(study, section, "name", NULL))));
  else if (section == SCHEMA_NOISE)
    print_section(study, section, schema_noise());
  else if (section == SCHEMA_SDE)
    print_section(study, section, schema_sde());
  else if (section == SCHEMA_OUTPUT)
    print_section(study, section, schema_output());
  else {
    print_section(study, section, schema_optimizer(NULL));
    for (const char *const *optimizer = optimizers_of(study); *optimizer != NULL; optimizer++)
      printf("  - %s\n", *optimizer);
  }
}

/* Keys that the study does not use are left to their defaults. */
static void print_row(const struct schema_row *row, const struct study_type *study)
{
  const struct parameter_key *key = &row->key;
  const char *value = strcmp(key->name, "study") == 0
                          ? study->name
                          : value_of(study, SCHEMA_VALUE, key->name, key->fallback);
  putchar('\n');
  print_comment("", row);
  bool absent = row->section != SCHEMA_VALUE && !key->required && key->fallback == NULL;
  if (absent || (!key->required && !study_uses(study, key->name)))
    return;
  if (row->section != SCHEMA_VALUE) {
    printf("%s:\n", key->name);
    print_sections(study, row->section);
  } else if (value != NULL)
    printf("%s: %s\n", key->name, value);
}

static void print_starter(const struct study_type *study)
{
  struct schema *schema = schema_recipe(study_types(), study);
  char *text = sde_format("Starter recipe of the study %s: %s. `sharpsde check FILE` reads it, "
                          "`sharpsde run FILE` runs it.",
                          study->name, study->summary);
  text_wrap(stdout, WIDTH, "# ", "# ", text);
  sde_free(text);
  for (size_t i = 0; i < schema->count; i++)
    if (!schema->row[i].checksum)
      print_row(&schema->row[i], study);
  schema_free(schema);
}

static void print_short_row(const struct schema_row *row, const struct study_type *study)
{
  const struct parameter_key *key = &row->key;
  const char *value = value_of(study, SCHEMA_VALUE, key->name, key->fallback);
  if (strcmp(key->name, "study") == 0)
    printf("study: %s\n", study->name);
  else if (row->section == SCHEMA_LOSS)
    printf("loss: {name: %s, data: %s}\n", value_of(study, SCHEMA_LOSS, "name", NULL),
           value_of(study, SCHEMA_LOSS, "data", NULL));
  else if (row->section == SCHEMA_OPTIMIZERS) {
    const char *const *optimizer = optimizers_of(study);
    for (size_t i = 0; optimizer[i] != NULL; i++)
      printf("%s%s", i == 0 ? "optimizers: [" : ", ", optimizer[i]);
    printf("]\n");
  } else if (row->section == SCHEMA_VALUE && value != key->fallback &&
             (key->required || study_uses(study, key->name)))
    printf("%s: %s\n", key->name, value);
}

/* What has no default, or another value than that, and nothing else: a dozen lines. */
static void print_short(const struct study_type *study)
{
  struct schema *schema = schema_recipe(study_types(), study);
  printf("# sharpsde check FILE; sharpsde run FILE; all keys: sharpsde new %s\n", study->name);
  for (size_t i = 0; i < schema->count; i++)
    if (!schema->row[i].checksum)
      print_short_row(&schema->row[i], study);
  schema_free(schema);
}

/* Takes --short out of the arguments, wherever it stands. */
static bool take_short(int *argc, char **argv)
{
  int kept = 1;
  for (int i = 1; i < *argc; i++)
    if (strcmp(argv[i], "--short") != 0)
      argv[kept++] = argv[i];
  bool found = kept < *argc;
  *argc = kept;
  return found;
}

int command_new(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  bool is_short = take_short(&argc, argv);
  const char *name = command_word(argc, argv, "study", &status);
  const struct study_type *study = name == NULL ? NULL : study_named(study_types(), name);
  struct text names = {0};
  for (const struct study_type *const *each = study_types(); *each != NULL; each++)
    text_add(&names, "%s ", (*each)->name);
  if (study != NULL)
    (is_short ? print_short : print_starter)(study);
  else if (name != NULL)
    command_unknown("study", name, names.data, &status);
  sde_free(names.data);
  return command_end(&status);
}
