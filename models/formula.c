/*
 * A loss as a formula of the recipe: f_i from an expression in the coordinates and in values of
 * sample i, which are columns of a CSV file or generated. Compiled once to tapes for value,
 * gradient (reverse accumulation) and Hessian-vector product (forward over reverse).
 */
#include "models/formula.h"

#include "models/data.h"
#include "models/formula_check.h"
#include "models/formula_graph.h"
#include "models/formula_parse.h"
#include "models/formula_tape.h"
#include "models/loss.h"
#include "models/scores.h"
#include "sde/random.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Nodes of an expression: with its derivatives some tens of thousands. */
enum { NODES_MAX = 5000 };

struct formula {
  struct formula_graph *graph;
  struct formula_names names;
  struct formula_tape *value, *gradient, *hessian_vector;
  struct formula_check check;
  double *sample; /* [a*samples + i]: value a of sample i */
};

static const struct parameter_key keys[] = {
    {.name = "expression",
     .type = PARAMETER_TEXT,
     .required = true,
     .help = "f of one sample, as in 0.5*(u*v - y)^2: + - * / ^ ( ), numbers, names and the "
             "functions sqrt exp log log1p sin cos tan atan sinh cosh tanh softplus pow"},
    {.name = "parameters",
     .type = PARAMETER_TEXT,
     .list = true,
     .required = true,
     .help = "names in the expression that are the coordinates, in their order"},
    {.name = "sample_parameters",
     .type = PARAMETER_TEXT,
     .list = true,
     .help = "names in the expression whose values differ from sample to sample"},
    {.name = "data",
     .type = PARAMETER_FILE,
     .help = "CSV file, a row a sample, with a column for each of sample_parameters"},
    DATA_KEYS,
    {.name = "samples",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e6,
     .help = "without data: number n of samples; sample_parameters are then normal scores of mean "
             "0 and variance 1, uncorrelated with one another"},
    {.name = "constants",
     .type = PARAMETER_TEXT,
     .list = true,
     .help = "names in the expression with their values, as in [sigma = 0.5, c = sigma^2]; pi is "
             "known"},
    {.name = NULL}};

static size_t name_index(const struct formula_names *names, const char *name)
{
  size_t i = 0;
  while (i < names->count && strcmp(names->name[i].name, name) != 0)
    i++;
  return i;
}

/* `name` is copied. */
static bool add_name(struct formula *formula, const struct parameters *parameters, const char *key,
                     const char *name, uint32_t node, struct sde_status *status)
{
  struct formula_names *names = &formula->names;
  const char *place = parameters_place(parameters, key);
  if (!formula_is_name(name))
    return sde_fail(status, SDE_INVALID,
                    "%s: %s: '%s' cannot be a name; names are letters, digits and _, begin with a "
                    "letter, and are no function",
                    place, key, name);
  if (name_index(names, name) < names->count)
    return sde_fail(status, SDE_INVALID, "%s: %s: '%s' is taken; accepted is each name once%s",
                    place, key, name, strcmp(name, "pi") == 0 ? ", and pi is 3.14159..." : "");
  names->name[names->count++] = (struct formula_name){sde_strdup(name), node, false};
  return true;
}

/* "name = value", the value an expression of earlier constants. */
static bool add_constant(struct formula *formula, const struct parameters *parameters,
                         const char *text, struct sde_status *status)
{
  static const char key[] = "constants";
  const char *place = parameters_place(parameters, key), *equals = strchr(text, '=');
  uint32_t node;
  if (equals == NULL)
    return sde_fail(status, SDE_INVALID, "%s: %s: '%s' is no constant; accepted is name = value",
                    place, key, text);
  size_t blanks = strspn(text, " \t"), length = (size_t)(equals - text) - blanks;
  while (length > 0 && (text[blanks + length - 1] == ' ' || text[blanks + length - 1] == '\t'))
    length--;
  char *name = sde_format("%.*s", (int)length, text + blanks);
  char *what = sde_format("value of the constant %s", name);
  bool good =
      formula_parse(formula->graph, &formula->names, equals + 1, place, what, &node, status);
  if (good && formula->graph->node[node].op != FORMULA_NUMBER)
    good = sde_fail(status, SDE_INVALID, "%s: %s is not a finite number", place, what);
  good = good && add_name(formula, parameters, key, name, node, status);
  sde_free(name);
  sde_free(what);
  return good;
}

static const char *const *texts_of(const struct parameters *parameters, const char *key,
                                   size_t *count)
{
  *count = 0;
  return parameters_has(parameters, key) ? parameters_texts(parameters, key, count) : NULL;
}

/* pi, the constants, then the leaves of the coordinates and of the samples' values. */
static bool add_names(struct formula *formula, const struct parameters *parameters,
                      struct sde_status *status)
{
  size_t constants, coordinates, values;
  const char *const *constant = texts_of(parameters, "constants", &constants);
  const char *const *coordinate = texts_of(parameters, "parameters", &coordinates);
  const char *const *value = texts_of(parameters, "sample_parameters", &values);
  struct formula_names *names = &formula->names;
  names->name = sde_alloc(1 + constants + coordinates + values, sizeof *names->name);
  names->name[names->count++] =
      (struct formula_name){sde_strdup("pi"), formula_number(formula->graph, M_PI), true};
  for (size_t i = 0; i < constants; i++)
    if (!add_constant(formula, parameters, constant[i], status))
      return false;
  for (size_t i = 0; i < coordinates; i++)
    if (!add_name(formula, parameters, "parameters", coordinate[i],
                  formula_leaf(formula->graph, FORMULA_PARAMETER, (uint32_t)i), status))
      return false;
  for (size_t i = 0; i < values; i++)
    if (!add_name(formula, parameters, "sample_parameters", value[i],
                  formula_leaf(formula->graph, FORMULA_SAMPLE, (uint32_t)i), status))
      return false;
  return true;
}

/* A name that the expression leaves out is one that it misspells, or has no effect. */
static bool check_used(const struct formula *formula, const char *place, struct sde_status *status)
{
  for (size_t i = 0; i < formula->names.count; i++)
    if (!formula->names.name[i].used)
      return sde_fail(status, SDE_INVALID,
                      "%s: expression does not contain '%s'; accepted are names that it contains",
                      place, formula->names.name[i].name);
  return true;
}

static struct formula_tape *make_tape(const struct formula_graph *graph, size_t outputs,
                                      const uint32_t *output, const char *what, const char *place,
                                      struct sde_status *status)
{
  size_t slots;
  struct formula_tape *tape = formula_tape_new(graph, outputs, output, &slots);
  if (tape == NULL)
    sde_fail(status, SDE_INVALID,
             "%s: expression: its %s holds %zu intermediate values at once; at most %d are "
             "accepted, so write the loss as a plug-in",
             place, what, slots, FORMULA_SLOTS);
  return tape;
}

static bool compile(struct loss *loss, struct formula *formula, const struct parameters *parameters,
                    struct sde_status *status)
{
  const char *place = parameters_place(parameters, "expression");
  struct formula_graph *graph = formula->graph;
  uint32_t root;
  if (!add_names(formula, parameters, status) ||
      !formula_parse(graph, &formula->names, parameters_text(parameters, "expression"), place,
                     "expression", &root, status) ||
      !check_used(formula, place, status))
    return false;
  if (graph->count > NODES_MAX)
    return sde_fail(status, SDE_INVALID,
                    "%s: expression has %zu operations; at most %d are accepted, so write the loss "
                    "as a plug-in",
                    place, graph->count, NODES_MAX);
  size_t dim = loss->dim = parameters_count(parameters, "parameters");
  struct formula_check *check = &formula->check;
  formula_check_init(check, graph, &formula->names, dim, root, place);
  formula_gradient(graph, root, dim, check->gradient);
  formula_along(graph, dim, check->gradient, check->hessian_vector);
  loss->quadratic = true;
  bool *needed = sde_alloc(graph->count, sizeof *needed);
  formula_mark(graph, dim, check->hessian_vector, needed);
  for (size_t i = 0; i < graph->count; i++)
    loss->quadratic = loss->quadratic && !(needed[i] && graph->node[i].varies);
  sde_free(needed);
  formula->value = make_tape(graph, 1, &root, "value", place, status);
  formula->gradient = make_tape(graph, dim, check->gradient, "gradient", place, status);
  formula->hessian_vector =
      make_tape(graph, dim, check->hessian_vector, "Hessian-vector product", place, status);
  return status->code == SDE_OK;
}

/* The columns of the file that have the names of sample_parameters. */
static bool find_columns(const struct data_file *data, const struct parameters *parameters,
                         struct data_wanted *wanted, struct sde_status *status)
{
  size_t count;
  const char *const *name = texts_of(parameters, "sample_parameters", &count);
  for (size_t a = 0; a < count; a++) {
    wanted[a].column = data_file_column(data, name[a]);
    if (wanted[a].column == data_file_columns(data))
      return sde_fail(status, SDE_INVALID, "%s: sample_parameters: %s has no column '%s'",
                      parameters_place(parameters, "sample_parameters"), data_file_path(data),
                      name[a]);
  }
  return true;
}

static bool read_samples(struct loss *loss, struct formula *formula,
                         const struct parameters *parameters, struct sde_status *status)
{
  size_t count = parameters_count(parameters, "sample_parameters");
  struct data_format format = data_format_of(parameters);
  struct data_file *data = data_file_open(parameters_text(parameters, "data"), &format, status);
  if (data == NULL)
    return false;
  struct data_wanted *wanted = sde_alloc(count, sizeof *wanted);
  struct data_table *table = find_columns(data, parameters, wanted, status)
                                 ? data_file_read(data, count, wanted, status)
                                 : NULL;
  sde_free(wanted);
  data_file_close(data);
  if (table == NULL)
    return false;
  loss->samples = table->rows - table->held_out;
  loss->held_out = table->held_out;
  loss->note = table->dropped;
  table->dropped = NULL;
  formula->sample = sde_alloc(count, table->rows * sizeof(double));
  for (size_t a = 0; a < count; a++)
    for (size_t i = 0; i < table->rows; i++)
      formula->sample[a * table->rows + i] = table->values[i * count + a];
  data_table_free(table);
  return true;
}

static double mean_product(size_t n, const double *a, const double *b)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += a[i] * (b == NULL ? 1 : b[i]);
  return sum / (double)n;
}

/* Normal scores in order, then normal numbers of a fixed stream that are made uncorrelated with all
 * before (Gram-Schmidt, twice for its rounding), of mean 0 and mean square 1. */
static void generate(size_t n, size_t count, double *value)
{
  size_t width = (n + 7) / 8 * 8;
  double *drawn = sde_alloc(count, width * sizeof *drawn);
  struct sde_address at = {.stream = sde_stream_named(0, "formula samples")};
  sde_random_normals(&at, width, count, drawn);
  scores_normal(n, 1, value);
  for (size_t a = 1; a < count; a++) {
    double *own = value + a * n;
    memcpy(own, drawn + a * width, n * sizeof *own);
    for (size_t pass = 0; pass < 2; pass++) {
      double mean = mean_product(n, own, NULL);
      for (size_t i = 0; i < n; i++)
        own[i] -= mean;
      for (size_t b = 0; b < a; b++) {
        double overlap = mean_product(n, own, value + b * n);
        for (size_t i = 0; i < n; i++)
          own[i] -= overlap * value[b * n + i];
      }
      double size = sqrt(mean_product(n, own, own));
      for (size_t i = 0; i < n; i++)
        own[i] /= size;
    }
  }
  sde_free(drawn);
}

static bool make_samples(struct loss *loss, struct formula *formula,
                         const struct parameters *parameters, struct sde_status *status)
{
  const char *place = parameters_place(parameters, "expression");
  bool file = parameters_has(parameters, "data"), number = parameters_has(parameters, "samples");
  size_t count;
  texts_of(parameters, "sample_parameters", &count);
  if (count == 0 && (file || number))
    return sde_fail(status, SDE_INVALID,
                    "%s: %s has no effect without sample_parameters; name them, or leave it out",
                    parameters_place(parameters, file ? "data" : "samples"),
                    file ? "data" : "samples");
  if (file && number)
    return sde_fail(status, SDE_INVALID,
                    "%s: samples is given beside data, whose rows are the samples; give one",
                    parameters_place(parameters, "samples"));
  if (file)
    return read_samples(loss, formula, parameters, status);
  if (!data_format_is_absent(parameters, status))
    return false;
  if (count > 0 && !number)
    return sde_fail(status, SDE_INVALID,
                    "%s: sample_parameters have no values; give data, or samples for normal scores",
                    place);
  loss->samples = number ? (size_t)parameters_u64(parameters, "samples") : 1;
  if (loss->samples <= count)
    return sde_fail(status, SDE_INVALID,
                    "%s: %zu samples cannot carry %zu uncorrelated scores; give at least %zu",
                    parameters_place(parameters, "samples"), loss->samples, count, count + 1);
  formula->sample = sde_alloc(count, loss->samples * sizeof(double));
  if (count > 0)
    generate(loss->samples, count, formula->sample);
  return true;
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  struct formula *formula = sde_alloc(1, sizeof *formula);
  formula->graph = formula_graph_new();
  loss->data = formula;
  return compile(loss, formula, parameters, status) &&
         make_samples(loss, formula, parameters, status);
}

static void destroy(struct loss *loss)
{
  struct formula *formula = loss->data;
  formula_tape_free(formula->value);
  formula_tape_free(formula->gradient);
  formula_tape_free(formula->hessian_vector);
  formula_check_release(&formula->check);
  for (size_t i = 0; i < formula->names.count; i++)
    sde_free((char *)formula->names.name[i].name);
  sde_free(formula->names.name);
  formula_graph_free(formula->graph);
  sde_free(formula->sample);
  sde_free(formula);
}

static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *out)
{
  const struct formula *formula = loss->data;
  formula_tape_run(formula->value, width, samples, formula->sample, loss->samples + loss->held_out,
                   x, NULL, out);
}

static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *x, double *g)
{
  const struct formula *formula = loss->data;
  formula_tape_run(formula->gradient, width, samples, formula->sample,
                   loss->samples + loss->held_out, x, NULL, g);
}

static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *v, double *hv)
{
  const struct formula *formula = loss->data;
  formula_tape_run(formula->hessian_vector, width, samples, formula->sample,
                   loss->samples + loss->held_out, x, v, hv);
}

static bool accepts_start(const struct loss *loss, const double *x, struct sde_status *status)
{
  const struct formula *formula = loss->data;
  return formula_check_at(&formula->check, loss->samples + loss->held_out, formula->sample, x,
                          status);
}

extern const struct loss_type loss_formula;
const struct loss_type loss_formula = {
    .name = "formula",
    .summary = "f_i from an expression of your own, differentiated exactly; errors name the column",
    .keys = keys,
    .create = create,
    .destroy = destroy,
    .value = value,
    .gradient = gradient,
    .hessian_vector = hessian_vector,
    .accepts_start = accepts_start,
};

char *formula_partial(const struct loss *loss)
{
  if (loss->type != &loss_formula)
    return NULL;
  const struct formula *formula = loss->data;
  char *operations = formula_check_partial(&formula->check), *text = NULL;
  if (operations != NULL)
    text = sde_format("%s of the expression at %s", operations, formula->check.place);
  sde_free(operations);
  return text;
}
