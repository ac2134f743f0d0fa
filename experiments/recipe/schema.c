/*
 * The schema of recipes: see schema.h.
 */
#include "experiments/recipe/schema.h"

#include "experiments/io/text.h"
#include "experiments/recipe/study.h"
#include "models/domain.h"
#include "sde/scheme.h"

#include <math.h>
#include <string.h>

static const struct schema_row recipe_rows[] = {
    {.key = {.name = "title",
             .type = PARAMETER_TEXT,
             .fallback = "''",
             .help = "heading of the pictures and the report"}},
    {.key = {.name = "study",
             .type = PARAMETER_CHOICE,
             .required = true,
             .help = "what is measured; `sharpsde list studies`"}},
    {.key = {.name = "seed",
             .type = PARAMETER_COUNT,
             .low = 0,
             .high = 0x1p53 - 1,
             .fallback = "1",
             .help = "random numbers are a function of it and nothing else"}},
    {.key = {.name = "loss",
             .required = true,
             .help = "what is minimised; `sharpsde list losses` shows the keys of each"},
     .section = SCHEMA_LOSS},
    {.key = {.name = "noise",
             .fallback = "{}",
             .help = "how gradients are noisy; `sharpsde list noise`"},
     .section = SCHEMA_NOISE},
    {.key = {.name = "start",
             .type = PARAMETER_REAL,
             .list = true,
             .low = -SCHEMA_UNBOUNDED,
             .high = SCHEMA_UNBOUNDED,
             .help = "initial parameters, one number a coordinate; without it, the loss's own"}},
    {.key = {.name = "batch",
             .type = PARAMETER_COUNT,
             .list = true,
             .low = 1,
             .high = 0x1p31,
             .fallback = "1",
             .help = "samples in a mini-batch, b"}},
    {.key = {.name = "eta",
             .type = PARAMETER_REAL,
             .list = true,
             .low = 0,
             .low_open = true,
             .high = SCHEMA_UNBOUNDED,
             .required = true,
             .help = "learning rate"}},
    {.key = {.name = "rho",
             .type = PARAMETER_REAL,
             .list = true,
             .low = 0,
             .high = SCHEMA_UNBOUNDED,
             .fallback = "0",
             .help = "perturbation radius"}},
    {.key = {.name = "time",
             .type = PARAMETER_REAL,
             .low = 0,
             .low_open = true,
             .high = SCHEMA_UNBOUNDED,
             .required = true,
             .help = "horizon T; T/eta must be a whole number of steps"}},
    {.key = {.name = "schedule", .help = "how eta and rho change with time, a map of eta and rho"},
     .section = SCHEMA_SCHEDULE},
    {.key = {.name = "domain",
             .help = "a box that paths stay in, a map of its bounds and boundary"},
     .section = SCHEMA_DOMAIN},
    {.key = {.name = "optimizers",
             .required = true,
             .help = "what is run, a map each; `sharpsde list optimizers`"},
     .section = SCHEMA_OPTIMIZERS},
    {.key = {.name = "sde",
             .fallback = "{}",
             .help = "the equation beside each optimizer: one map, a list of several, [] for none"},
     .section = SCHEMA_SDE},
    {.key = {.name = "paths",
             .type = PARAMETER_COUNT,
             .list = true,
             .low = 1,
             .high = 0x1p40,
             .fallback = "1000",
             .help =
                 "independent paths in an ensemble; 1 where nothing is random, which counts as two "
                 "equal ones"}},
    {.key = {.name = "variance_reduction",
             .type = PARAMETER_CHOICE,
             .choices = "none antithetic control-variate quasi-random",
             .fallback = "none",
             .help = "antithetic: paths in pairs, on a Brownian path and on its negative; "
                     "control-variate: less what a linearised SDE on the same Brownian path, whose "
                     "mean is known, has in common with it; quasi-random: 16 replicates of SDE "
                     "paths more evenly spread than chance would; docs/variance.md"}},
    {.key = {.name = "tolerance",
             .type = PARAMETER_REAL,
             .low = 0,
             .low_open = true,
             .high = SCHEMA_UNBOUNDED,
             .help = "instead of paths: the root-mean-square error of each mean at the end "
                     "time, by multilevel Monte Carlo; docs/variance.md"}},
    {.key = {.name = "observables",
             .type = PARAMETER_TEXT,
             .list = true,
             .fallback = "[loss]",
             .help = "what is averaged over paths; `sharpsde list observables`"}},
    {.key = {.name = "records",
             .type = PARAMETER_COUNT,
             .low = 1,
             .high = 100000,
             .fallback = "100",
             .help = "recorded times, at most"}},
    {.key = {.name = "output", .fallback = "{}", .help = "what is kept besides means"},
     .section = SCHEMA_OUTPUT},
    {.key = {.name = "max_diverged",
             .type = PARAMETER_REAL,
             .low = 0,
             .high = 1,
             .fallback = "0.01",
             .help = "share of diverged paths beyond which the run fails"}},
    {.key = {.name = "divergence_bound",
             .type = PARAMETER_REAL,
             .low = 0,
             .low_open = true,
             .high = SCHEMA_UNBOUNDED,
             .fallback = "1e8",
             .help = "a path with a coordinate beyond it counts as diverged"}},
    {.key = {.name = "checkpoint",
             .type = PARAMETER_REAL,
             .low = 0,
             .high = SCHEMA_UNBOUNDED,
             .help = "seconds after which, and between which, a run keeps what it has for "
                     "--resume; without it, 60"}},
    {.key = {.name = "level",
             .type = PARAMETER_REAL,
             .low = 0,
             .low_open = true,
             .high = 0.5,
             .fallback = "0.05",
             .help = "family-wise level of the verdicts"}},
};

static const struct schema_row sde_rows[] = {
    {.key = {.name = "eta_order",
             .type = PARAMETER_COUNT,
             .low = 1,
             .high = 2,
             .fallback = "1",
             .help = "weak order in eta"}},
    {.key = {.name = "rho_order",
             .type = PARAMETER_CHOICE,
             .choices = "0 1 exact",
             .fallback = "1",
             .help = "terms kept in rho: none, the first, or no expansion"}},
    {.key = {.name = "variance_term",
             .type = PARAMETER_BOOL,
             .fallback = "true",
             .help = "false leaves the implicit variance regularisation out (rho_order 1)"}},
    {.key = {.name = "noise",
             .type = PARAMETER_BOOL,
             .help = "false leaves the diffusion out, and the drift alone moves the paths"}},
    {.key = {.name = "scheme",
             .type = PARAMETER_CHOICE,
             .fallback = "auto",
             .help = "time stepping; `sharpsde list schemes`; auto: `compare` chooses by a pilot "
                     "run, other studies take euler-maruyama"}},
    {.key = {.name = "substeps",
             .type = PARAMETER_COUNT,
             .low = 1,
             .high = 1e6,
             .help = "the time step is eta/substeps; without it, as scheme auto chooses, else 16"}},
    {.key = {.name = "of",
             .type = PARAMETER_CHOICE,
             .help = "the SDE of this gradient rule, offered for the optimizer, whatever its own; "
                     "without it, its own"}},
    {.key = {.name = "noise_factor",
             .type = PARAMETER_CHOICE,
             .choices = "auto columns cholesky",
             .fallback = "auto",
             .help = "noise by a column a sample, or by the Cholesky factor of the covariance"}},
    {.key = {.name = "norm",
             .type = PARAMETER_CHOICE,
             .choices = "auto enumerate gaussian sample",
             .fallback = "auto",
             .help = "normalised optimizers, rho_order 1: E|g_I| by all micro-batches, by the "
                     "Gaussian integral, or from fresh micro-batches per step"}},
    {.key = {.name = "covariance",
             .type = PARAMETER_CHOICE,
             .choices = "normalized leading",
             .help =
                 "normalised optimizers, rho_order 1, micro-batches not enumerated: the noise of "
                 "g_I + rho H g_I/|g_I|, or c(b) V alone, wrong near a minimum; without it, "
                 "normalized where Gaussian noise gives it a closed form"}},
    {.key = {.name = "directions",
             .type = PARAMETER_COUNT,
             .low = 0,
             .high = 1e6,
             .fallback = "0",
             .help =
                 "fresh directions per step for rho_order exact, micro-batches for norm: sample; "
                 "above 0 none of these is enumerated, 0 enumerates few and draws from many"}},
};

static const struct schema_row optimizer_rows[] = {
    {.key = {.name = "micro_batch",
             .type = PARAMETER_COUNT,
             .list = true,
             .low = 1,
             .high = 0x1p31,
             .help = "m, the samples that share one perturbation; it divides batch"}},
    {.key = {.name = "label", .type = PARAMETER_TEXT, .help = "rule: what it is called in tables"}},
    {.key = {.name = "constants",
             .type = PARAMETER_NAMED,
             .list = true,
             .help = "rule: numbers with names, for its lines"}},
    {.key = {.name = "state",
             .type = PARAMETER_NAMED,
             .list = true,
             .help = "rule: vectors beside x, and where they start"}},
    {.key = {.name = "step",
             .type = PARAMETER_TEXT,
             .list = true,
             .help = "rule: its lines `name = expression`, in order; docs/own-algorithm.md"}},
};

static const struct schema_row update_row = {
    .key = {.name = "update",
            .help = "what turns the gradient into a step, a map with a name; `sharpsde list "
                    "optimizers`; without it, sgd"},
    .section = SCHEMA_UPDATE};

static const struct schema_row schedule_rows[] = {
    {.key = {.name = "eta", .help = "a map with the shape of the factor of eta over time"},
     .section = SCHEMA_SHAPE},
    {.key = {.name = "rho", .help = "a map with the shape of the factor of rho over time"},
     .section = SCHEMA_SHAPE},
};

static const struct schema_row output_rows[] = {
    {.key = {.name = "paths",
             .type = PARAMETER_COUNT,
             .low = 0,
             .high = 1e6,
             .fallback = "0",
             .help =
                 "single paths of each process that go to paths.nc, with the observables at the "
                 "recorded times; each takes 8 bytes a record, observable and process"}},
};

static struct schema *schema_new(void)
{
  return sde_alloc(1, sizeof(struct schema));
}

static void add_row(struct schema *schema, const struct schema_row *row)
{
  struct schema_row *grown = sde_alloc(schema->count + 1, sizeof *grown);
  if (schema->count > 0)
    memcpy(grown, schema->row, schema->count * sizeof *grown);
  grown[schema->count] = *row;
  sde_free(schema->row);
  schema->row = grown;
  schema->count++;
}

static void add_rows(struct schema *schema, size_t count, const struct schema_row *rows)
{
  for (size_t i = 0; i < count; i++)
    add_row(schema, &rows[i]);
}

/* Keys of a model or a study; a file is followed by its checksum. */
static void add_keys(struct schema *schema, const struct parameter_key *keys)
{
  for (; keys != NULL && keys->name != NULL; keys++) {
    add_row(schema, &(struct schema_row){.key = *keys});
    if (keys->type != PARAMETER_FILE)
      continue;
    char *name = sde_format("%s_sha256", keys->name);
    add_row(schema, &(struct schema_row){.key = {.name = name,
                                                 .type = PARAMETER_TEXT,
                                                 .list = keys->list,
                                                 .help = "SHA-256 of that file; checked if given"},
                                         .checksum = true,
                                         .owned_name = name});
  }
}

/* Those keys that the schema does not have yet: rules may have keys of one name. */
static void add_new_keys(struct schema *schema, const struct parameter_key *keys)
{
  for (; keys != NULL && keys->name != NULL; keys++)
    if (schema_find(schema, keys->name) == NULL)
      add_keys(schema, (const struct parameter_key[]){*keys, {.name = NULL}});
}

/* Take the names as the choices of a key. */
static void set_choices(struct schema *schema, const char *name, struct text *names)
{
  struct schema_row *row = schema->row;
  while (strcmp(row->key.name, name) != 0)
    row++;
  row->owned_choices = names->data;
  row->key.choices = names->data;
}

/* The choices of one name out of a registry: an array of pointers to types, ended by NULL. */
#define REGISTRY_NAMES(names, type, all)                                                           \
  for (const struct type *const *item = (all); *item != NULL; item++)                              \
  text_add((names), "%s%s", (names)->length == 0 ? "" : " ", (*item)->name)

struct schema *schema_recipe(const struct study_type *const *studies,
                             const struct study_type *study)
{
  struct schema *schema = schema_new();
  struct text names = {0};
  add_rows(schema, sizeof recipe_rows / sizeof *recipe_rows, recipe_rows);
  REGISTRY_NAMES(&names, study_type, studies);
  set_choices(schema, "study", &names);
  if (study != NULL)
    add_keys(schema, study->keys);
  return schema;
}

/* The key that says which row of a registry a map is made from. */
static void add_choice(struct schema *schema, const char *name, const char *help)
{
  add_row(schema,
          &(struct schema_row){
              .key = {.name = name, .type = PARAMETER_CHOICE, .required = true, .help = help}});
}

static void add_name(struct schema *schema, const char *help)
{
  add_choice(schema, "name", help);
}

struct schema *schema_loss(const struct loss_type *type)
{
  struct schema *schema = schema_new();
  struct text names = {0};
  add_name(schema, "which loss; it decides the keys that follow");
  REGISTRY_NAMES(&names, loss_type, loss_types());
  set_choices(schema, "name", &names);
  if (type != NULL)
    add_keys(schema, type->keys);
  return schema;
}

struct schema *schema_noise(void)
{
  struct schema *schema = schema_new();
  struct text names = {0};
  add_keys(schema, noise_keys);
  REGISTRY_NAMES(&names, noise_structure, noise_structures());
  set_choices(schema, "structure", &names);
  return schema;
}

struct schema *schema_optimizer(const struct gradient_rule *own)
{
  struct schema *schema = schema_new();
  struct text names = {0};
  add_name(schema, "which optimizer");
  REGISTRY_NAMES(&names, gradient_rule, gradient_rules());
  for (const struct gradient_rule *const *rule = gradient_rules(); *rule != NULL; rule++)
    if ((*rule)->other_name != NULL)
      text_add(&names, " %s", (*rule)->other_name);
  text_add(&names, " %s", RECIPE_OWN_RULE);
  set_choices(schema, "name", &names);
  schema->row[0].page = "docs/faq.md";
  add_rows(schema, sizeof optimizer_rows / sizeof *optimizer_rows, optimizer_rows);
  if (own != NULL)
    add_keys(schema, own->keys);
  for (const struct gradient_rule *const *rule = gradient_rules(); *rule != NULL; rule++)
    add_new_keys(schema, (*rule)->keys);
  add_row(schema, &update_row);
  return schema;
}

struct schema *schema_gradient_rule(const struct gradient_rule *rule)
{
  struct schema *schema = schema_new();
  add_keys(schema, rule->keys);
  return schema;
}

struct schema *schema_update(const struct update_rule *rule)
{
  struct schema *schema = schema_new();
  struct text names = {0};
  add_name(schema, "which update rule; it decides the keys that follow");
  REGISTRY_NAMES(&names, update_rule, update_rules());
  set_choices(schema, "name", &names);
  if (rule == NULL)
    return schema;
  add_keys(schema, rule->keys);
  for (size_t v = 1; v < update_rule_vectors(rule); v++)
    add_row(schema, &(struct schema_row){
                        .key = {.name = rule->extra[v - 1].name,
                                .type = PARAMETER_REAL,
                                .list = true,
                                .low = -SCHEMA_UNBOUNDED,
                                .high = SCHEMA_UNBOUNDED,
                                .help = "where this vector starts: one number, or one for each "
                                        "coordinate; without it, 0"}});
  return schema;
}

struct schema *schema_domain(void)
{
  struct schema *schema = schema_new();
  add_keys(schema, domain_keys);
  return schema;
}

struct schema *schema_schedule(void)
{
  struct schema *schema = schema_new();
  add_rows(schema, sizeof schedule_rows / sizeof *schedule_rows, schedule_rows);
  return schema;
}

struct schema *schema_shape(const struct schedule_shape *shape)
{
  struct schema *schema = schema_new();
  struct text names = {0};
  add_choice(schema, "shape", "which shape; it decides the keys that follow");
  REGISTRY_NAMES(&names, schedule_shape, schedule_shapes());
  set_choices(schema, "shape", &names);
  if (shape != NULL)
    add_keys(schema, shape->keys);
  add_keys(schema, schedule_keys);
  return schema;
}

struct schema *schema_sde(void)
{
  struct schema *schema = schema_new();
  struct text names = {0};
  add_rows(schema, sizeof sde_rows / sizeof *sde_rows, sde_rows);
  text_add(&names, "auto");
  REGISTRY_NAMES(&names, sde_scheme, sde_schemes());
  set_choices(schema, "scheme", &names);
  struct text rules = {0};
  REGISTRY_NAMES(&rules, gradient_rule, gradient_rules());
  set_choices(schema, "of", &rules);
  return schema;
}

struct schema *schema_output(void)
{
  struct schema *schema = schema_new();
  add_rows(schema, sizeof output_rows / sizeof *output_rows, output_rows);
  return schema;
}

void schema_free(struct schema *schema)
{
  if (schema == NULL)
    return;
  for (size_t i = 0; i < schema->count; i++) {
    sde_free(schema->row[i].owned_name);
    sde_free(schema->row[i].owned_choices);
  }
  sde_free(schema->row);
  sde_free(schema);
}

const struct schema_row *schema_find(const struct schema *schema, const char *name)
{
  for (size_t i = 0; i < schema->count; i++)
    if (strcmp(schema->row[i].key.name, name) == 0)
      return &schema->row[i];
  return NULL;
}
