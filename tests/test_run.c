/*
 * The command `run`, end to end: recipes in; tables, summary and verdicts out, beside exact values.
 * SHARPSDE names the binary, default build/sharpsde. Run from the root of the project.
 */
#include "experiments/results/results.h"
#include "experiments/results/verdict_groups.h"
#include "experiments/studies/studies.h"
#include "sde/status.h"
#include "tests/golden.h"
#include "tests/golden_moments.h"
#include "tests/testing.h"

#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Standard errors between a mean and its exact value. A comparison of correct code is beyond them
 * with probability 6.3e-5, so over the choice of seed the 10 rows of the golden case fail with 6e-4
 * for the iterates, and with no more for the SDE. Seeds are fixed. */
static const double standard_errors = 4;

/* What the printed digits allow, of golden_losses. */
static const double golden_rounding = 1e-12;

enum { LONG_SECONDS = 900, COMMAND_WORDS = 32 };

/* ---- running the command ---- */

/* Recipe, what the command says and its results are here; new for each test. */
static char folder[] = "/tmp/sharpsde-run-XXXXXX";

/* In a child process: start a program with its output in the folder, or /dev/null. */
static _Noreturn void become(const char *const *words, const char *out, const char *err)
{
  int output = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  int errors = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (output >= 0 && errors >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
      dup2(errors, STDERR_FILENO) >= 0)
    execvp(words[0], (char *const *)words);
  _exit(127);
}

/* The exit status of a program. */
static int execute(const char *const *words, const char *out, const char *err)
{
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0)
    become(words, out, err);
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status), "%s died by signal %d", words[0], WTERMSIG(status));
  return WEXITSTATUS(status);
}

/* The text of a file of the folder, released with sde_free. */
static char *read_file(const char *name)
{
  char *path = sde_format("%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "%s is missing", path);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  char *text = sde_alloc(size + 1, 1);
  ck_assert_uint_eq(fread(text, 1, size, file), size);
  fclose(file);
  sde_free(path);
  return text;
}

static void write_file(const char *name, const char *text)
{
  char *path = sde_format("%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  ck_assert_int_eq(fclose(file), 0);
  sde_free(path);
}

/* Run a recipe into the folder's directory `name`; more words of the command follow, ended by
 * NULL. What it says on stderr is in the folder's file `errors`. Returns the exit status. */
static int run_recipe(const char *recipe, const char *name, ...)
{
  const char *program = getenv("SHARPSDE");
  char *directory = sde_format("%s/%s", folder, name);
  char *out = sde_format("%s/output", folder), *err = sde_format("%s/errors", folder);
  const char *words[COMMAND_WORDS] = {program == NULL ? "build/sharpsde" : program, "run", recipe,
                                      "-o", directory};
  size_t count = 5;
  va_list more;
  va_start(more, name);
  while ((words[count] = va_arg(more, const char *)) != NULL)
    ck_assert_uint_lt(++count, COMMAND_WORDS);
  va_end(more);
  int status = execute(words, out, err);
  sde_free(directory);
  sde_free(out);
  sde_free(err);
  return status;
}

/* Run a recipe's text into the folder's directory `name`. */
static int run_text(const char *text, const char *name)
{
  write_file("recipe.yaml", text);
  char *recipe = sde_format("%s/recipe.yaml", folder);
  int status = run_recipe(recipe, name, NULL);
  sde_free(recipe);
  return status;
}

static void assert_status(int status, int expected)
{
  char *errors = read_file("errors");
  ck_assert_msg(status == expected, "exit status %d, not %d: %s", status, expected, errors);
  sde_free(errors);
}

static json_t *read_json(const char *name, const char *file)
{
  char *path = sde_format("%s/%s/%s", folder, name, file);
  json_error_t error;
  json_t *json = json_load_file(path, 0, &error);
  ck_assert_msg(json != NULL, "%s:%d: %s", path, error.line, error.text);
  sde_free(path);
  return json;
}

/* Run a recipe's text that must succeed; returns its summary, to be released with json_decref. */
static json_t *summary_of(const char *text)
{
  assert_status(run_text(text, "run"), 0);
  return read_json("run", "summary.json");
}

/* Pictures have tests of their own, and cost more time here than the runs. */
static void set_up(void)
{
  strcpy(folder + strlen(folder) - 6, "XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  setenv("SHARPSDE_PLOTS", "/nonexistent", 1);
}

static void tear_down(void)
{
  const char *words[] = {"rm", "-r", folder, NULL};
  ck_assert_int_eq(execute(words, "/dev/null", "/dev/null"), 0);
}

/* ---- reading results ---- */

static const char *text_of(json_t *object, const char *key)
{
  json_t *value = json_object_get(object, key);
  ck_assert_msg(json_is_string(value), "%s is no text", key);
  return json_string_value(value);
}

static double number_of(json_t *object, const char *key)
{
  json_t *value = json_object_get(object, key);
  ck_assert_msg(json_is_number(value), "%s is no number", key);
  return json_number_value(value);
}

static void assert_null(json_t *object, const char *key)
{
  ck_assert_msg(json_is_null(json_object_get(object, key)), "%s is not null", key);
}

/* A field of a row's side, "iterates" or "sde". */
static double side_of(json_t *row, const char *side, const char *key)
{
  return number_of(json_object_get(row, side), key);
}

static json_t *rows_of(json_t *summary)
{
  json_t *rows = json_object_get(summary, "rows");
  ck_assert(json_is_array(rows));
  return rows;
}

/* The one row of an optimizer, eta, SDE and observable; micro_batch 0 is any. */
static json_t *row_of(json_t *summary, const char *optimizer, size_t micro_batch, double eta,
                      size_t sde, const char *observable)
{
  json_t *found = NULL, *row;
  size_t i;
  json_array_foreach(rows_of(summary), i, row)
  {
    json_t *micro = json_object_get(row, "micro_batch");
    if (strcmp(text_of(row, "optimizer"), optimizer) != 0 || number_of(row, "eta") != eta ||
        number_of(row, "sde_index") != (double)sde ||
        strcmp(text_of(row, "observable"), observable) != 0 ||
        (micro_batch > 0 && json_integer_value(micro) != (json_int_t)micro_batch))
      continue;
    ck_assert_msg(found == NULL, "two rows of %s, eta %g", optimizer, eta);
    found = row;
  }
  ck_assert_msg(found != NULL, "no row of %s m=%zu, eta %g, SDE %zu", optimizer, micro_batch, eta,
                sde);
  return found;
}

/* The tables here have no quotes: cell[row * columns + column]; the header is row 0. */
struct table {
  char *text;
  size_t rows, columns;
  const char **cell;
};

static size_t count_of(const char *text, char wanted)
{
  size_t count = 0;
  for (; *text != '\0'; text++)
    count += *text == wanted;
  return count;
}

static struct table read_table(const char *name, const char *header)
{
  struct table table = {.columns = count_of(header, ',') + 1};
  table.text = read_file(name);
  size_t length = strlen(header);
  ck_assert_msg(strncmp(table.text, header, length) == 0 && table.text[length] == '\n',
                "%s starts with %.120s", name, table.text);
  table.rows = count_of(table.text, '\n');
  table.cell = sde_alloc(table.rows * table.columns, sizeof *table.cell);
  char *at = table.text;
  for (size_t i = 0; i < table.rows * table.columns; i++) {
    char *end = at + strcspn(at, ",\n");
    ck_assert_msg(*end == (i % table.columns == table.columns - 1 ? '\n' : ','),
                  "%s: row %zu is ragged", name, i / table.columns);
    *end = '\0';
    table.cell[i] = at;
    at = end + 1;
  }
  ck_assert_msg(*at == '\0', "%s does not end with a whole line", name);
  return table;
}

static void table_free(struct table *table)
{
  sde_free(table->cell);
  sde_free(table->text);
}

enum series_column {
  OPTIMIZER,
  MICRO_BATCH,
  BATCH,
  ETA,
  RHO,
  PROCESS,
  SDE,
  OBSERVABLE,
  TIME,
  MEAN,
  SE,
  N,
  DIVERGED
};

static struct table read_series(const char *name)
{
  char *file = sde_format("%s/series.csv", name);
  struct table table = read_table(file, "optimizer,micro_batch,batch,eta,rho,process,sde,"
                                        "observable,time,mean,se,n,diverged");
  sde_free(file);
  return table;
}

static const char *cell_of(const struct table *table, size_t row, size_t column)
{
  return table->cell[row * table->columns + column];
}

static double value_of(const struct table *table, size_t row, size_t column)
{
  const char *text = cell_of(table, row, column);
  char *end;
  double value = strtod(text, &end);
  ck_assert_msg(*text != '\0' && *end == '\0' && isfinite(value), "row %zu: '%s' is no number", row,
                text);
  return value;
}

/* ---- the golden case, against its exact moments ---- */

static char *golden_paths(size_t paths)
{
  return sde_format("paths=%zu", testing_size(paths));
}

/* Run the shipped recipe at its end time alone, with one more setting. */
static json_t *run_golden(const char *setting)
{
  char *paths = golden_paths(400000);
  assert_status(run_recipe("experiments/recipes/golden.yaml", "run", "--set",
                           "loss.data=data/quadratic4.csv", "--set", "observables=[loss]", "--set",
                           "records=1", "--set", paths, "--set", setting, NULL),
                0);
  sde_free(paths);
  return read_json("run", "summary.json");
}

static json_t *golden_row(json_t *summary, const struct golden_loss *exact)
{
  bool micro = strcmp(exact->optimizer, "m-usam") == 0;
  return row_of(summary, exact->optimizer, micro ? exact->micro_batch : 0, exact->eta, 0, "loss");
}

/* What a side's mean may be off by: sampling, and the SDE's own time step. */
static double tolerance_of(json_t *row, const char *side)
{
  double scheme_error = strcmp(side, "sde") == 0 ? number_of(row, "scheme_error") : 0;
  return standard_errors * side_of(row, side, "se") + scheme_error;
}

static bool is_near(json_t *row, const char *side, double exact)
{
  return fabs(side_of(row, side, "mean") - exact) <= tolerance_of(row, side);
}

static double exact_of(const struct golden_loss *exact, const char *side)
{
  return strcmp(side, "sde") == 0 ? exact->sde : exact->iterates;
}

/* A side's row stands apart from every other exact value of that side at the same eta that theory
 * puts farther off than the mean of correct code can be; returns how many those are. */
static size_t check_apart(json_t *row, const char *side, const struct golden_loss *own)
{
  size_t apart = 0;
  for (size_t i = 0; i < GOLDEN_LOSSES; i++) {
    const struct golden_loss *other = &golden_losses[i];
    if (other == own || other->eta != own->eta ||
        fabs(exact_of(own, side) - exact_of(other, side)) <= 2 * tolerance_of(row, side))
      continue;
    ck_assert_msg(!is_near(row, side, exact_of(other, side)),
                  "the %s of %s m=%zu, eta %g, match those of %s m=%zu", side, own->optimizer,
                  own->micro_batch, own->eta, other->optimizer, other->micro_batch);
    apart++;
  }
  return apart;
}

static void check_golden_row(json_t *row, const struct golden_loss *exact)
{
  char *who = sde_format("%s m=%zu, eta %g", exact->optimizer, exact->micro_batch, exact->eta);
  ck_assert_double_eq(number_of(row, "time"), golden_time);
  ck_assert_double_eq(number_of(row, "rho"), golden_rho);
  ck_assert_double_eq(number_of(row, "batch"), GOLDEN_BATCH);
  ck_assert_msg(is_near(row, "iterates", exact->iterates), "%s: iterates %g +- %g, exactly %g", who,
                side_of(row, "iterates", "mean"), side_of(row, "iterates", "se"), exact->iterates);
  ck_assert_msg(is_near(row, "sde", exact->sde), "%s: SDE %g +- %g, scheme %g, exactly %g", who,
                side_of(row, "sde", "mean"), side_of(row, "sde", "se"),
                number_of(row, "scheme_error"), exact->sde);
  ck_assert_msg(!is_near(row, "iterates", exact->sde), "%s: iterates match the SDE", who);
  ck_assert_msg(!is_near(row, "sde", exact->iterates), "%s: the SDE matches the iterates", who);
  sde_free(who);
}

START_TEST(golden_means_are_exact)
{
  json_t *summary = run_golden("sde.substeps=16");
  ck_assert_uint_eq(json_array_size(rows_of(summary)), GOLDEN_LOSSES);
  size_t iterates = 0, solutions = 0;
  for (size_t i = 0; i < GOLDEN_LOSSES; i++) {
    json_t *row = golden_row(summary, &golden_losses[i]);
    check_golden_row(row, &golden_losses[i]);
    iterates += check_apart(row, "iterates", &golden_losses[i]);
    solutions += check_apart(row, "sde", &golden_losses[i]);
  }
  /* Of 20 ordered pairs at each eta the iterates tell all apart; the SDEs, with their scheme's
   * error, all but those of usam and m-usam m = 2. */
  if (testing_scale() >= 1) {
    ck_assert_uint_eq(iterates, 40);
    ck_assert_uint_ge(solutions, 36);
  }
  json_decref(summary);
}
END_TEST

/* The cases of the golden recipe with one substep, to ask theory about them. */
static struct cases *golden_cases(struct recipe **recipe)
{
  const char *override[] = {"loss.data=data/quadratic4.csv", "observables=[loss]",
                            "sde.substeps=1"};
  struct sde_status status = {SDE_OK, ""};
  *recipe = recipe_read("experiments/recipes/golden.yaml", study_types(),
                        sizeof override / sizeof *override, override, &status);
  ck_assert_msg(*recipe != NULL, "%s", status.message);
  struct cases *cases = cases_new(*recipe, &status);
  ck_assert_msg(cases != NULL, "%s", status.message);
  return cases;
}

static const struct run_case *golden_case(const struct cases *cases,
                                          const struct golden_loss *exact)
{
  for (size_t i = 0; i < cases->count; i++) {
    const struct optimizer *optimizer = &cases->one[i].optimizer;
    if (strcmp(optimizer->rule->name, exact->optimizer) == 0 &&
        optimizer->micro_batch == exact->micro_batch && optimizer->eta == exact->eta)
      return &cases->one[i];
  }
  ck_abort_msg("no case of %s m=%zu, eta %g", exact->optimizer, exact->micro_batch, exact->eta);
}

/* One and two substeps have exact means, E_1 and E_2. The SDE's mean is E_1 but for sampling. Its
 * reported scheme error is Richardson's 2 (|D| + 2 s) with D the mean difference of the two
 * solutions, E_1 - E_2 but for sampling, and s its standard error, which a shared Brownian path
 * keeps below that of the mean; so it is 2 |E_1 - E_2| less up to 4 s, or more up to 12 s. */
static void check_substeps_1(json_t *row, const struct golden_loss *exact, double one, double two)
{
  char *who = sde_format("%s m=%zu, eta %g", exact->optimizer, exact->micro_batch, exact->eta);
  double mean = side_of(row, "sde", "mean"), se = side_of(row, "sde", "se");
  double sampling = standard_errors * se;
  double scheme = number_of(row, "scheme_error"), step = fabs(one - two);
  ck_assert_msg(fabs(mean - one) <= sampling, "%s: %g +- %g, exactly %g", who, mean, se, one);
  ck_assert_msg(fabs(mean - exact->sde) > sampling, "%s: not noticed", who);
  ck_assert_msg(fabs(mean - two) > sampling, "%s: two substeps would do as well", who);
  ck_assert_msg(scheme >= 2 * step - sampling && scheme <= 2 * step + 3 * sampling,
                "%s: scheme error %g, exactly %g", who, scheme, 2 * step);
  ck_assert_msg(scheme > step + 3 * sampling, "%s: the factor 2 is not noticed", who);
  sde_free(who);
}

/* Euler-Maruyama at step eta has the iterates' first two moments, not the SDE's: the comparison
 * above would notice. */
START_TEST(golden_substeps_1_is_noticed)
{
  json_t *summary = run_golden("sde.substeps=1");
  struct recipe *recipe;
  struct cases *cases = golden_cases(&recipe);
  for (size_t i = 0; i < GOLDEN_LOSSES; i++) {
    const struct golden_loss *exact = &golden_losses[i];
    const struct run_case *one = golden_case(cases, exact);
    double euler = golden_euler_loss(cases, one, 0, 1);
    ck_assert_double_eq_tol(euler, exact->iterates, golden_rounding);
    check_substeps_1(golden_row(summary, exact), exact, euler, golden_euler_loss(cases, one, 0, 2));
  }
  cases_free(cases);
  recipe_free(recipe);
  json_decref(summary);
}
END_TEST

/* For m = 1 the expansion to first order in rho is exact; without its variance term it is not. */
START_TEST(golden_variance_term_is_noticed)
{
  for (int variance_term = 0; variance_term < 2; variance_term++) {
    char *paths = golden_paths(100000);
    char *setting = sde_format("sde.variance_term=%s", variance_term ? "true" : "false");
    assert_status(run_recipe("experiments/recipes/golden.yaml", "run", "--force", "--set",
                             "loss.data=data/quadratic4.csv", "--set", "observables=[loss]",
                             "--set", "records=1", "--set", paths, "--set", setting, "--set",
                             "sde.rho_order=1", "--set",
                             "optimizers=[{name: m-usam, micro_batch: 1}]", NULL),
                  0);
    json_t *summary = read_json("run", "summary.json");
    size_t found = 0;
    for (size_t i = 0; i < GOLDEN_LOSSES; i++) {
      if (golden_losses[i].micro_batch != 1)
        continue;
      json_t *row = golden_row(summary, &golden_losses[i]);
      ck_assert_msg(is_near(row, "sde", golden_losses[i].sde) == (variance_term == 1),
                    "%s, eta %g: SDE %g +- %g, scheme %g, exactly %g", setting,
                    golden_losses[i].eta, side_of(row, "sde", "mean"), side_of(row, "sde", "se"),
                    number_of(row, "scheme_error"), golden_losses[i].sde);
      found++;
    }
    ck_assert_uint_eq(found, 2);
    json_decref(summary);
    sde_free(paths);
    sde_free(setting);
  }
}
END_TEST

/* ---- Gaussian noise: the Euler-Maruyama scheme at step eta is the iterates ---- */

/* SGD on x^2 / 2 with c(b) V = 1: mean loss and mean x at T = 1 of the iterates and of the SDE,
 * both linear. */
struct linear_means {
  double loss, x;
};

static const double gaussian_eta = 0.2, gaussian_start = 1.5;

static struct linear_means gaussian_iterates(void)
{
  double factor = pow(1 - gaussian_eta, 1 / gaussian_eta), x = factor * gaussian_start;
  double variance = gaussian_eta * gaussian_eta * (1 - factor * factor) /
                    (1 - (1 - gaussian_eta) * (1 - gaussian_eta));
  return (struct linear_means){0.5 * (x * x + variance), x};
}

static struct linear_means gaussian_sde(void)
{
  double factor = exp(-1), x = factor * gaussian_start;
  return (struct linear_means){0.5 * (x * x + gaussian_eta * (1 - factor * factor) / 2), x};
}

static bool differ(json_t *row)
{
  return fabs(number_of(row, "difference")) >
         standard_errors * number_of(row, "difference_se") + number_of(row, "scheme_error");
}

static void check_gaussian(json_t *summary, const char *observable, double iterates, double sde)
{
  json_t *circular = row_of(summary, "sgd", 0, gaussian_eta, 0, observable);
  json_t *solved = row_of(summary, "sgd", 0, gaussian_eta, 1, observable);
  double mean = side_of(circular, "sde", "mean");
  double sampling = standard_errors * side_of(circular, "sde", "se");
  ck_assert(is_near(circular, "iterates", iterates));
  ck_assert(!is_near(circular, "iterates", sde));
  ck_assert_msg(fabs(mean - iterates) <= sampling, "%s: one substep gives %g, iterates %g",
                observable, mean, iterates);
  ck_assert(fabs(mean - sde) > sampling);
  /* Driven by the SDE's own Brownian path, the iterates are Euler-Maruyama to rounding. */
  ck_assert_double_le(fabs(number_of(circular, "difference")), 1e-12);
  ck_assert_msg(is_near(solved, "sde", sde), "%s: 16 substeps give %g +- %g, exactly %g",
                observable, side_of(solved, "sde", "mean"), side_of(solved, "sde", "se"), sde);
  ck_assert(!is_near(solved, "sde", iterates));
  ck_assert(differ(solved));
}

START_TEST(gaussian_sgd_is_euler_maruyama_at_step_eta)
{
  write_file("one.csv", "A11,b1\n1,0\n");
  char *text = sde_format("study: compare\n"
                          "loss: {name: quadratic, data: one.csv}\n"
                          "noise: {sampling: gaussian, standard_deviation: 2}\n"
                          "start: [1.5]\n"
                          "batch: 4\n"
                          "eta: 0.2\n"
                          "time: 1\n"
                          "optimizers: [{name: sgd}]\n"
                          "sde: [{scheme: euler-maruyama, substeps: 1}, "
                          "{scheme: euler-maruyama, substeps: 16}]\n"
                          "observables: [loss, x1]\n"
                          "paths: %zu\n",
                          testing_size(400000));
  json_t *summary = summary_of(text);
  struct linear_means iterates = gaussian_iterates(), sde = gaussian_sde();
  check_gaussian(summary, "loss", iterates.loss, sde.loss);
  check_gaussian(summary, "x1", iterates.x, sde.x);
  json_decref(summary);
  sde_free(text);
}
END_TEST

/* ---- memory ---- */

/* Four samples in ten dimensions: a diagonal, and a small symmetric part. */
static void write_ten_dimensions(void)
{
  enum { D = 10 };
  char *text = NULL;
  size_t length;
  FILE *file = open_memstream(&text, &length);
  for (int k = 0; k < D * D; k++)
    fprintf(file, "A%d_%d,", k / D + 1, k % D + 1);
  for (int i = 0; i < D; i++)
    fprintf(file, "b%d%s", i + 1, i < D - 1 ? "," : "\n");
  for (int sample = 0; sample < 4; sample++) {
    for (int k = 0; k < D * D; k++) {
      int row = k / D, column = k % D;
      fprintf(file, "%g,", row == column ? 1 + 0.25 * sample : 0.01 * (row + column - 3 * sample));
    }
    for (int i = 0; i < D; i++)
      fprintf(file, "%d%s", sample - i % 3, i < D - 1 ? "," : "\n");
  }
  fclose(file);
  write_file("ten.csv", text);
  free(text);
}

/* Peak memory of every command that this test has run, in bytes. */
static double peak_bytes(size_t paths)
{
  char *text = sde_format("study: compare\n"
                          "loss: {name: quadratic, data: ten.csv}\n"
                          "start: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
                          "batch: 2\n"
                          "eta: 0.1\n"
                          "time: 0.2\n"
                          "records: 1\n"
                          "optimizers: [{name: sgd}]\n"
                          "sde: []\n"
                          "paths: %zu\n",
                          paths);
  char *name = sde_format("paths-%zu", paths);
  assert_status(run_text(text, name), 0);
  struct table series = read_series(name);
  ck_assert_uint_eq(series.rows, 3);
  for (size_t row = 1; row < series.rows; row++)
    ck_assert_double_eq(value_of(&series, row, N), (double)paths);
  table_free(&series);
  sde_free(name);
  sde_free(text);
  struct rusage usage;
  ck_assert_int_eq(getrusage(RUSAGE_CHILDREN, &usage), 0);
  return 1024 * (double)usage.ru_maxrss;
}

/* Sanitizers keep memory of their own, so this is for full scale. */
START_TEST(memory_does_not_grow_with_paths)
{
  if (testing_scale() < 1)
    return;
  write_ten_dimensions();
  double few = peak_bytes(100000), many = peak_bytes(10000000);
  ck_assert_double_lt(many, 200e6);
  ck_assert_msg(many < few + 4e6, "%.0f bytes for 1e5 paths, %.0f for 1e7", few, many);
}
END_TEST

/* ---- divergence ---- */

enum { DIVERGENCE_STEPS = 10, DIVERGENCE_FIRST = 8 };

/* SGD multiplies x by 1/2 or -3/2, each with probability 1/2. From 1, the bound 20 is crossed in 10
 * steps only by eight -3/2 at the start, so by one path in 256, at time 4. */
static char *divergence_recipe(size_t paths, double max_diverged)
{
  write_file("two.csv", "A11,b1\n1,0\n5,0\n");
  return sde_format("study: compare\n"
                    "loss: {name: quadratic, data: two.csv}\n"
                    "start: [1]\n"
                    "eta: 0.5\n"
                    "time: 5\n"
                    "optimizers: [{name: sgd}]\n"
                    "divergence_bound: 20\n"
                    "max_diverged: %g\n"
                    "paths: %zu\n",
                    max_diverged, paths);
}

/* E f over the survivors, f = 3 x^2 / 2. */
static double survivors_loss(void)
{
  double square = (0.25 + 2.25) / 2, lost = pow(0.5, DIVERGENCE_FIRST);
  double left = DIVERGENCE_STEPS - DIVERGENCE_FIRST;
  return 1.5 *
         (pow(square, DIVERGENCE_STEPS) - lost * pow(2.25, DIVERGENCE_FIRST) * pow(square, left)) /
         (1 - lost);
}

/* Labels of the iterates in summary and series; returns how many paths diverged. */
static size_t check_survivors(size_t paths)
{
  json_t *summary = read_json("run", "summary.json");
  json_t *row = row_of(summary, "sgd", 0, 0.5, 0, "loss");
  double diverged = side_of(row, "iterates", "diverged"), n = side_of(row, "iterates", "n");
  double expected = (double)paths / 256;
  ck_assert_double_eq(n + diverged, (double)paths);
  ck_assert_msg(fabs(diverged - expected) <= standard_errors * sqrt(expected),
                "%g of %zu paths diverged, expected are %g", diverged, paths, expected);
  ck_assert_double_eq(side_of(row, "sde", "n") + side_of(row, "sde", "diverged"), (double)paths);
  ck_assert_msg(is_near(row, "iterates", survivors_loss()), "survivors %g +- %g, exactly %g",
                side_of(row, "iterates", "mean"), side_of(row, "iterates", "se"), survivors_loss());
  struct table series = read_series("run");
  for (size_t i = 1; i < series.rows; i++) {
    if (strcmp(cell_of(&series, i, PROCESS), "iterates") != 0)
      continue;
    double lost = value_of(&series, i, TIME) < DIVERGENCE_FIRST * 0.5 ? 0 : diverged;
    ck_assert_double_eq(value_of(&series, i, DIVERGED), lost);
    ck_assert_double_eq(value_of(&series, i, N), (double)paths - lost);
  }
  table_free(&series);
  json_decref(summary);
  return (size_t)diverged;
}

/* The same run, within what is allowed and beyond it. */
START_TEST(diverged_paths_are_counted_and_labelled)
{
  bool allowed = _i == 1;
  size_t paths = testing_size(102400);
  char *text = divergence_recipe(paths, allowed ? 0.01 : 0.001);
  assert_status(run_text(text, "run"), allowed ? 0 : 1);
  char *counted = sde_format("%zu of %zu paths", check_survivors(paths), paths);
  char *errors = read_file("errors");
  ck_assert_msg(strstr(errors, counted) != NULL && strstr(errors, "time 4") != NULL,
                "nothing of %s and time 4 in: %s", counted, errors);
  ck_assert_msg((strstr(errors, "max_diverged") == NULL) == allowed, "%s", errors);
  sde_free(counted);
  sde_free(errors);
  sde_free(text);
}
END_TEST

static void run_until_all_diverged(void)
{
  write_file("huge.csv", "A11,b1\n1e40,0\n3e40,0\n");
  assert_status(run_text("study: compare\n"
                         "loss: {name: quadratic, data: huge.csv}\n"
                         "start: [1]\n"
                         "eta: [0.5, 0.25]\n"
                         "rho: 0.1\n"
                         "time: 5\n"
                         "optimizers: [{name: sgd}, {name: m-usam, micro_batch: 1}]\n"
                         "sde: [{}, {variance_term: false}]\n"
                         "paths: 128\n",
                         "run"),
                1);
}

/* No path survives: there is no mean, and nothing that looks like one. */
START_TEST(all_diverged_leaves_no_means)
{
  run_until_all_diverged();
  json_t *summary = read_json("run", "summary.json"), *row;
  size_t i;
  ck_assert_uint_eq(json_array_size(rows_of(summary)), 8);
  json_array_foreach(rows_of(summary), i, row)
  {
    const char *sides[] = {"iterates", "sde"};
    for (size_t side = 0; side < 2; side++) {
      json_t *about = json_object_get(row, sides[side]);
      assert_null(about, "mean");
      assert_null(about, "se");
      ck_assert_double_eq(number_of(about, "n"), 0);
      ck_assert_double_eq(number_of(about, "diverged"), 128);
    }
    assert_null(row, "difference");
    assert_null(row, "difference_se");
    assert_null(row, "scheme_error");
  }
  struct table series = read_series("run");
  for (i = 1; i < series.rows; i++)
    if (value_of(&series, i, TIME) > 0) {
      ck_assert_str_eq(cell_of(&series, i, MEAN), "");
      ck_assert_str_eq(cell_of(&series, i, SE), "");
      ck_assert_double_eq(value_of(&series, i, DIVERGED), 128);
    }
  table_free(&series);
  json_decref(summary);
}
END_TEST

/* Where "nan" or "inf" stands as a separate word, or NULL. */
static const char *find_nonfinite(const char *text)
{
  static const char *const words[] = {"nan", "inf"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    for (const char *at = text; *at != '\0'; at++)
      if (strncasecmp(at, words[i], 3) == 0 && (at == text || !isalnum((unsigned char)at[-1])) &&
          !isalnum((unsigned char)at[3]))
        return at;
  return NULL;
}

static const char *const spoken_files[] = {
    "run/summary.json", "run/series.csv", "run/differences.csv",
    "run/run.json",     "output",         "errors"};
enum { SPOKEN_FILES = sizeof spoken_files / sizeof *spoken_files };

START_TEST(all_diverged_writes_no_nan)
{
  run_until_all_diverged();
  char *text = read_file(spoken_files[_i]);
  const char *found = find_nonfinite(text);
  ck_assert_msg(found == NULL, "%s: %.200s", spoken_files[_i], found);
  sde_free(text);
}
END_TEST

/* Gradient descent: log u goes on below 0, where its slope is a number, from 1 by 1/2 to -1/2; the
 * root has none there, after steps to 1/2 and -0.2; u^2 is defined everywhere, and doubles. */
static const struct {
  const char *expression, *eta, *words, *others;
} undefined[] = {
    {"log(u)", "0.5",
     "the mean of loss is not a number at time 1, as happens where the formula has no value, by "
     "log in column 1 of the expression at --set loss.expression",
     "diverged"},
    {"2 + sqrt(u)", "1",
     "2 of 2 paths diverged, the first at time 3; none survived, so there is no mean; a path "
     "diverges "
     "also where the formula has no value, by sqrt in column 5 of the expression at --set",
     "has no value, by log"},
    {"u^2/2", "3", "diverged, the first at time 15; none survived, so there is no mean\n",
     "has no value"},
};

START_TEST(formulas_without_a_value_are_said)
{
  char *expression = sde_format("loss.expression=%s", undefined[_i].expression);
  char *eta = sde_format("eta=%s", undefined[_i].eta);
  write_file("recipe.yaml", "study: trajectory\n"
                            "loss: {name: formula, expression: u, parameters: [u]}\n"
                            "start: [1]\n"
                            "time: 18\n"
                            "optimizers: [{name: sgd}]\n"
                            "divergence_bound: 20\n"
                            "max_diverged: 1\n"
                            "sde: []\n"
                            "records: 18\n"
                            "paths: 2\n");
  char *recipe = sde_format("%s/recipe.yaml", folder);
  assert_status(run_recipe(recipe, "run", "--set", expression, "--set", eta, NULL), 0);
  char *errors = read_file("errors");
  ck_assert_msg(strstr(errors, undefined[_i].words) != NULL, "%s", errors);
  ck_assert_msg(strstr(errors, undefined[_i].others) == NULL, "%s", errors);
  sde_free(errors);
  sde_free(recipe);
  sde_free(eta);
  sde_free(expression);
}
END_TEST

/* ---- the contract of summary and tables ---- */

/* Everything that multiplies out does, twice. */
static const char sweep_recipe[] = "title: A sweep of everything\n"
                                   "study: compare\n"
                                   "seed: 12\n"
                                   "loss: {name: quadratic, data: data/quadratic4.csv}\n"
                                   "start: [1.5, -1]\n"
                                   "batch: [4, 8]\n"
                                   "eta: [0.1, 0.05]\n"
                                   "rho: [0.1, 0.2]\n"
                                   "time: 1\n"
                                   "optimizers:\n"
                                   "  - {name: sgd}\n"
                                   "  - {name: n-usam}\n"
                                   "  - {name: usam}\n"
                                   "  - {name: m-usam, micro_batch: [2, 1]}\n"
                                   "sde:\n"
                                   "  - {rho_order: exact, scheme: euler-maruyama, substeps: 2}\n"
                                   "  - {rho_order: 1, variance_term: false, "
                                   "scheme: euler-maruyama, substeps: 3}\n"
                                   "observables: [loss, x2]\n"
                                   "records: 3\n"
                                   "paths: [100, 200]\n";
enum { SWEEP_CASES = 2 * 2 * 2 * 5 * 2, SWEEP_SDES = 2, SWEEP_OBSERVABLES = 2, SWEEP_RECORDS = 4 };

static void check_sweep_sdes(json_t *summary)
{
  json_t *sdes = json_object_get(summary, "sdes");
  ck_assert_uint_eq(json_array_size(sdes), SWEEP_SDES);
  for (size_t i = 0; i < SWEEP_SDES; i++) {
    json_t *sde = json_array_get(sdes, i);
    ck_assert_double_eq(number_of(sde, "index"), (double)i);
    ck_assert_double_eq(number_of(sde, "eta_order"), 1);
    ck_assert_str_eq(text_of(sde, "scheme"), "euler-maruyama");
    ck_assert_double_eq(number_of(sde, "substeps"), i == 0 ? 2 : 3);
    ck_assert(json_is_boolean(json_object_get(sde, "variance_term")));
    ck_assert(json_is_true(json_object_get(sde, "variance_term")) == (i == 0));
  }
  ck_assert_str_eq(text_of(json_array_get(sdes, 0), "rho_order"), "exact");
  ck_assert_double_eq(number_of(json_array_get(sdes, 1), "rho_order"), 1);
}

static void check_verdict(json_t *verdict)
{
  json_t *holds = json_object_get(verdict, "holds");
  ck_assert_uint_eq(json_object_size(verdict), 3 + verdict_is_self_check(verdict));
  ck_assert_uint_gt(strlen(text_of(verdict, "claim")), 0);
  ck_assert_uint_gt(strlen(text_of(verdict, "evidence")), 0);
  ck_assert(json_is_boolean(holds) || json_is_null(holds));
}

static void check_head(json_t *summary)
{
  ck_assert_str_eq(text_of(summary, "study"), "compare");
  ck_assert_str_eq(text_of(summary, "title"), "A sweep of everything");
  ck_assert_double_eq(number_of(summary, "seed"), 12);
  json_t *paths = json_object_get(summary, "paths");
  ck_assert_uint_eq(json_array_size(paths), 2);
  ck_assert_int_eq(json_integer_value(json_array_get(paths, 0)), 100);
  ck_assert_int_eq(json_integer_value(json_array_get(paths, 1)), 200);
  ck_assert(json_is_integer(json_object_get(summary, "schema")));
  ck_assert_uint_gt(strlen(text_of(summary, "version")), 0);
  ck_assert_uint_eq(strlen(text_of(summary, "recipe_sha256")), 64);
  check_sweep_sdes(summary);
  json_t *verdicts = json_object_get(summary, "verdicts"), *verdict;
  size_t i;
  ck_assert_uint_gt(json_array_size(verdicts), 0);
  json_array_foreach(verdicts, i, verdict)
  {
    check_verdict(verdict);
  }
}

/* Fields of a row, and sums that must be right within it. */
static void check_row(json_t *row)
{
  static const char *const fields[] = {"optimizer",
                                       "micro_batch",
                                       "batch",
                                       "eta",
                                       "rho",
                                       "observable",
                                       "time",
                                       "sde_index",
                                       "iterates",
                                       "sde",
                                       "exact_iterates",
                                       "exact_sde",
                                       "difference",
                                       "difference_se",
                                       "coupled",
                                       "scheme_error",
                                       "variance_reduction"};
  enum { FIELDS = sizeof fields / sizeof *fields };
  static const char *const sides[] = {"iterates", "sde"};
  ck_assert_uint_eq(json_object_size(row), FIELDS);
  for (size_t i = 0; i < FIELDS; i++)
    ck_assert_msg(json_object_get(row, fields[i]) != NULL, "%s is missing", fields[i]);
  for (size_t i = 0; i < 2; i++) {
    json_t *side = json_object_get(row, sides[i]);
    ck_assert_uint_eq(json_object_size(side), 4);
    double paths = number_of(side, "n") + number_of(side, "diverged");
    ck_assert(paths == 100 || paths == 200);
    ck_assert(json_is_integer(json_object_get(side, "n")));
    ck_assert(json_is_integer(json_object_get(side, "diverged")));
    ck_assert_double_gt(number_of(side, "se"), 0);
  }
  ck_assert_double_eq(number_of(row, "time"), 1);
  ck_assert_double_eq(number_of(row, "difference"),
                      side_of(row, "iterates", "mean") - side_of(row, "sde", "mean"));
  ck_assert_double_eq_tol(number_of(row, "difference_se"),
                          hypot(side_of(row, "iterates", "se"), side_of(row, "sde", "se")), 1e-12);
  ck_assert(json_is_false(json_object_get(row, "coupled")));
  assert_null(row, "variance_reduction");
  ck_assert_double_gt(number_of(row, "scheme_error"), 0);
}

/* Carries each optimizer the micro-batch that the contract says? */
static void check_micro_batch(json_t *row)
{
  const char *name = text_of(row, "optimizer");
  json_t *micro = json_object_get(row, "micro_batch"), *batch = json_object_get(row, "batch");
  if (strcmp(name, "usam") == 0)
    ck_assert(json_equal(micro, batch));
  else if (strcmp(name, "m-usam") == 0)
    ck_assert(json_integer_value(micro) == 1 || json_integer_value(micro) == 2);
  else
    ck_assert(json_is_null(micro));
}

/* What a row is about, and on how many paths: released with sde_free. */
static char *about(json_t *row)
{
  return sde_format("%s %lld %g %g %g %g %s %g", text_of(row, "optimizer"),
                    (long long)json_integer_value(json_object_get(row, "micro_batch")),
                    number_of(row, "batch"), number_of(row, "eta"), number_of(row, "rho"),
                    number_of(row, "sde_index"), text_of(row, "observable"),
                    side_of(row, "iterates", "n") + side_of(row, "iterates", "diverged"));
}

START_TEST(sweeps_multiply_out)
{
  json_t *summary = summary_of(sweep_recipe), *seen = json_object(), *row;
  size_t i;
  check_head(summary);
  ck_assert_uint_eq(json_array_size(rows_of(summary)),
                    SWEEP_CASES * SWEEP_SDES * SWEEP_OBSERVABLES);
  json_array_foreach(rows_of(summary), i, row)
  {
    check_row(row);
    check_micro_batch(row);
    char *key = about(row);
    ck_assert_msg(json_object_get(seen, key) == NULL, "twice: %s", key);
    json_object_set_new(seen, key, json_true());
    sde_free(key);
  }
  json_decref(seen);
  json_decref(summary);
}
END_TEST

/* Does a row of series.csv, at the end time, hold a side of a row of the summary? */
static bool is_same_mean(const struct table *series, size_t at, json_t *row, const char *side)
{
  json_t *micro = json_object_get(row, "micro_batch");
  char *micro_batch = json_is_null(micro)
                          ? sde_strdup("")
                          : sde_format("%lld", (long long)json_integer_value(micro));
  bool solution = strcmp(side, "sde") == 0;
  bool same = strcmp(cell_of(series, at, OPTIMIZER), text_of(row, "optimizer")) == 0 &&
              strcmp(cell_of(series, at, MICRO_BATCH), micro_batch) == 0 &&
              value_of(series, at, BATCH) == number_of(row, "batch") &&
              value_of(series, at, ETA) == number_of(row, "eta") &&
              value_of(series, at, RHO) == number_of(row, "rho") &&
              strcmp(cell_of(series, at, PROCESS), side) == 0 &&
              strcmp(cell_of(series, at, OBSERVABLE), text_of(row, "observable")) == 0 &&
              value_of(series, at, TIME) == number_of(row, "time") &&
              value_of(series, at, MEAN) == side_of(row, side, "mean") &&
              value_of(series, at, SE) == side_of(row, side, "se") &&
              value_of(series, at, N) == side_of(row, side, "n") &&
              value_of(series, at, DIVERGED) == side_of(row, side, "diverged");
  if (same && solution)
    same = value_of(series, at, SDE) == number_of(row, "sde_index");
  else if (same)
    ck_assert_str_eq(cell_of(series, at, SDE), "");
  sde_free(micro_batch);
  return same;
}

START_TEST(summary_repeats_the_end_of_the_series)
{
  json_t *summary = summary_of(sweep_recipe), *row;
  struct table series = read_series("run");
  static const char *const sides[] = {"iterates", "sde"};
  size_t i;
  ck_assert_uint_eq(series.rows,
                    1 + SWEEP_CASES * (1 + SWEEP_SDES) * SWEEP_OBSERVABLES * SWEEP_RECORDS);
  json_array_foreach(rows_of(summary), i, row)
  {
    for (size_t side = 0; side < 2; side++) {
      size_t found = 0;
      for (size_t at = SWEEP_RECORDS; at < series.rows; at += SWEEP_RECORDS)
        found += is_same_mean(&series, at, row, sides[side]);
      ck_assert_msg(found == 1, "row %zu: %s is in series.csv %zu times", i, sides[side], found);
    }
  }
  table_free(&series);
  json_decref(summary);
}
END_TEST

START_TEST(summary_repeats_the_end_of_the_differences)
{
  json_t *summary = summary_of(sweep_recipe), *row;
  struct table table =
      read_table("run/differences.csv", "optimizer,micro_batch,batch,eta,rho,sde,observable,time,"
                                        "difference,se,coupled,scheme_error");
  enum { D_SDE = 5, D_OBSERVABLE, D_TIME, D_DIFFERENCE, D_SE, D_COUPLED, D_SCHEME_ERROR };
  size_t i;
  ck_assert_uint_eq(table.rows, 1 + SWEEP_CASES * SWEEP_SDES * SWEEP_OBSERVABLES * SWEEP_RECORDS);
  json_array_foreach(rows_of(summary), i, row)
  {
    size_t at = (i + 1) * SWEEP_RECORDS;
    ck_assert_str_eq(cell_of(&table, at, OPTIMIZER), text_of(row, "optimizer"));
    ck_assert_double_eq(value_of(&table, at, ETA), number_of(row, "eta"));
    ck_assert_double_eq(value_of(&table, at, D_SDE), number_of(row, "sde_index"));
    ck_assert_str_eq(cell_of(&table, at, D_OBSERVABLE), text_of(row, "observable"));
    ck_assert_double_eq(value_of(&table, at, D_TIME), 1);
    ck_assert_double_eq(value_of(&table, at, D_DIFFERENCE), number_of(row, "difference"));
    ck_assert_double_eq(value_of(&table, at, D_SE), number_of(row, "difference_se"));
    ck_assert_str_eq(cell_of(&table, at, D_COUPLED), "false");
    ck_assert_double_eq(value_of(&table, at, D_SCHEME_ERROR), number_of(row, "scheme_error"));
  }
  table_free(&table);
  json_decref(summary);
}
END_TEST

/* Of 20 steps of eta 0.1: at most `records` after time 0, on the grid, evenly spread, to T. */
static void check_times(size_t records, size_t expected)
{
  enum { STEPS = 20 };
  char *text = sde_format("study: compare\n"
                          "loss: {name: valley}\n"
                          "eta: 0.1\n"
                          "time: 2\n"
                          "optimizers: [{name: sgd}]\n"
                          "records: %zu\n"
                          "paths: 64\n",
                          records);
  char *name = sde_format("records-%zu", records);
  assert_status(run_text(text, name), 0);
  struct table series = read_series(name);
  ck_assert_uint_eq(series.rows, 1 + 2 * (expected + 1));
  for (size_t row = 1; row < series.rows; row++) {
    size_t record = (row - 1) % (expected + 1);
    double step = value_of(&series, row, TIME) / 0.1;
    ck_assert_double_eq_tol(step, round(step), 1e-9);
    ck_assert_double_le(fabs(step - (double)(STEPS * record) / (double)expected), 0.5 + 1e-9);
    if (record == expected)
      ck_assert_double_eq(value_of(&series, row, TIME), 2);
  }
  table_free(&series);
  sde_free(name);
  sde_free(text);
}

START_TEST(records_are_evenly_spread_steps)
{
  check_times(1, 1);
  check_times(3, 3);
  check_times(20, 20);
  check_times(100, 20);
}
END_TEST

/* One seed, one number of paths and no title: the other forms of the summary's head. */
START_TEST(run_json_names_what_differs_from_run_to_run)
{
  json_t *summary = summary_of("study: trajectory\n"
                               "loss: {name: valley}\n"
                               "eta: 0.1\n"
                               "time: 1\n"
                               "optimizers: [{name: sgd}]\n"
                               "sample_paths: 2\n"
                               "paths: 1e2\n");
  ck_assert_str_eq(text_of(summary, "study"), "trajectory");
  ck_assert_str_eq(text_of(summary, "title"), "");
  ck_assert(json_is_integer(json_object_get(summary, "paths")));
  ck_assert_double_eq(number_of(summary, "paths"), 100);
  ck_assert(json_is_array(json_object_get(summary, "verdicts")));
  json_t *about_run = read_json("run", "run.json");
  ck_assert_double_ge(number_of(about_run, "seconds"), 0);
  ck_assert_double_ge(number_of(about_run, "threads"), 1);
  ck_assert_str_eq(text_of(about_run, "version"), text_of(summary, "version"));
  ck_assert(json_is_string(json_object_get(about_run, "host")));
  struct table paths = read_table("run/trajectory.csv", "optimizer,micro_batch,batch,eta,rho,"
                                                        "process,sde,path,observable,time,value");
  ck_assert_uint_eq(paths.rows, 1 + 2 * 2 * 11);
  table_free(&paths);
  json_decref(about_run);
  json_decref(summary);
}
END_TEST

/* The values of the nine paths of trajectory.csv that stand at the place of a row of quantiles.csv.
 */
static void values_at(const struct table *paths, const char **row, double value[9])
{
  size_t found = 0;
  for (size_t r = 1; r < paths->rows; r++) {
    const char **at = paths->cell + r * paths->columns;
    if (strcmp(at[5], row[5]) == 0 && strcmp(at[6], row[6]) == 0 && /* process, SDE */
        strcmp(at[8], row[7]) == 0 && strcmp(at[9], row[8]) == 0) { /* observable, time */
      ck_assert_uint_eq((size_t)atol(at[7]), found);
      value[found++] = atof(at[10]);
    }
  }
  ck_assert_uint_eq(found, 9);
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Of nine paths the quartiles are the third, fifth and seventh, and the outer quantiles lie two
 * fifths of the way from the first and from the last to the next. */
START_TEST(quantiles_are_those_of_the_paths)
{
  json_t *summary = summary_of("study: trajectory\n"
                               "loss: {name: valley}\n"
                               "eta: 0.1\n"
                               "time: 1\n"
                               "optimizers: [{name: sgd}]\n"
                               "observables: [loss, imbalance]\n"
                               "sample_paths: 9\n"
                               "paths: 9\n");
  struct table paths = read_table("run/trajectory.csv", "optimizer,micro_batch,batch,eta,rho,"
                                                        "process,sde,path,observable,time,value");
  struct table spread =
      read_table("run/quantiles.csv", "optimizer,micro_batch,batch,eta,rho,process,sde,"
                                      "observable,time,q05,q25,q50,q75,q95,n");
  ck_assert_uint_eq(spread.rows, 1 + 2 * 2 * 11);
  size_t wide = 0;
  for (size_t r = 1; r < spread.rows; r++) {
    const char **row = spread.cell + r * spread.columns;
    double value[9];
    values_at(&paths, row, value);
    qsort(value, 9, sizeof *value, ascending);
    const double expected[] = {value[0] + 0.4 * (value[1] - value[0]), value[2], value[4], value[6],
                               value[8] - 0.4 * (value[8] - value[7])};
    for (size_t q = 0; q < 5; q++)
      ck_assert_double_eq_tol(atof(row[9 + q]), expected[q], 1e-14 + 1e-12 * fabs(expected[q]));
    ck_assert_str_eq(row[14], "9");
    wide += value[1] > value[0] && value[5] > value[4]; /* exchanged columns would be noticed */
  }
  ck_assert_uint_ge(wide, 30);
  table_free(&paths);
  table_free(&spread);
  json_decref(summary);
}
END_TEST

/* ---- verdicts ---- */

enum decision { NO, YES, OPEN };

/* The one verdict whose claim holds both words. */
static enum decision holds_of(json_t *summary, const char *variant, const char *claim)
{
  json_t *verdicts = json_object_get(summary, "verdicts"), *verdict, *holds = NULL;
  size_t i;
  json_array_foreach(verdicts, i, verdict)
  {
    const char *text = text_of(verdict, "claim");
    if (strstr(text, variant) == NULL || strstr(text, claim) == NULL)
      continue;
    ck_assert_msg(holds == NULL, "two verdicts that %s, %s", variant, claim);
    holds = json_object_get(verdict, "holds");
  }
  ck_assert_msg(holds != NULL, "no verdict that %s, %s", variant, claim);
  return json_is_null(holds) ? OPEN : json_is_true(holds) ? YES : NO;
}

/* A short horizon, where the differences are far above the sampling error: SDE 0 is right to first
 * order in eta and rho, SDE 1 lacks the variance term, SDE 2 every term in rho. */
static json_t *run_verdicts(size_t paths, const char *noise)
{
  char *text = sde_format("study: compare\n"
                          "loss: {name: quadratic, data: data/quadratic4.csv}\n"
                          "noise: {sampling: %s}\n"
                          "start: [1.5, -1]\n"
                          "batch: 4\n"
                          "eta: [0.1, 0.025]\n"
                          "rho: 0.2\n"
                          "time: 0.4\n"
                          "optimizers: [{name: n-usam}, {name: m-usam, micro_batch: [4, 1]}]\n"
                          "sde: [{}, {variance_term: false}, {rho_order: 0}]\n"
                          "paths: %zu\n",
                          noise, paths);
  json_t *summary = summary_of(text);
  sde_free(text);
  return summary;
}

static const char *const variants[] = {"n-usam,", "m-usam m=4,", "m-usam m=1,"};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* At this size the verdicts are as here for all but one seed in many; the seed is fixed. Fewer
 * paths leave them open, so there is no reduced scale. */
START_TEST(verdicts_rest_on_predictions)
{
  json_t *summary = run_verdicts(80000, "with-replacement");
  for (size_t i = 0; i < VARIANTS; i++) {
    ck_assert_int_eq(holds_of(summary, variants[i], "SDE 0 falls like eta^1"), YES);
    ck_assert_int_eq(holds_of(summary, variants[i], "SDE 2 does not go to zero"), YES);
  }
  ck_assert_int_eq(holds_of(summary, "m-usam m=1,", "without the variance term (SDE 1"), YES);
  ck_assert_int_ne(holds_of(summary, "m-usam m=1,", "SDE 1 does not go to zero"), NO);
  json_decref(summary);
}
END_TEST

/* Where the exact means are known they decide, so that few paths do. */
START_TEST(exact_means_decide_on_few_paths)
{
  json_t *summary = run_verdicts(64, "with-replacement");
  for (size_t i = 0; i < VARIANTS; i++)
    ck_assert_int_eq(holds_of(summary, variants[i], "SDE 0 falls like eta^1"), YES);
  ck_assert_int_eq(holds_of(summary, "m-usam m=1,", "SDE 1 does not go to zero"), YES);
  ck_assert_int_eq(holds_of(summary, "m-usam m=1,", "without the variance term (SDE 1"), YES);
  json_decref(summary);
}
END_TEST

/* On a loss that is not quadratic the simulated means alone could decide. */
START_TEST(verdicts_on_few_paths_are_open)
{
  json_t *summary = summary_of("study: compare\n"
                               "loss: {name: valley}\n"
                               "batch: 4\n"
                               "eta: [0.1, 0.025]\n"
                               "rho: 0.2\n"
                               "time: 0.4\n"
                               "optimizers: [{name: n-usam}, {name: m-usam, micro_batch: 1}]\n"
                               "sde: [{}, {variance_term: false}]\n"
                               "paths: 64\n");
  ck_assert_int_eq(holds_of(summary, "n-usam,", "SDE 0 falls like eta^1"), OPEN);
  ck_assert_int_eq(holds_of(summary, "m-usam m=1,", "SDE 1 does not go to zero"), OPEN);
  ck_assert_int_eq(holds_of(summary, "m-usam m=1,", "without the variance term (SDE 1"), OPEN);
  json_decref(summary);
}
END_TEST

/* Noise that does not depend on x has no variance term: SDE 1 lacks nothing. */
START_TEST(verdicts_see_no_variance_term_where_there_is_none)
{
  json_t *summary = run_verdicts(20000, "gaussian");
  ck_assert_int_eq(holds_of(summary, "m-usam m=1,", "SDE 0 falls like eta^1"), YES);
  ck_assert_int_eq(holds_of(summary, "m-usam m=1,", "SDE 1 falls like eta^1"), YES);
  json_decref(summary);
}
END_TEST

/* With one eta and one SDE nothing could come out otherwise, so nothing is claimed to hold. */
START_TEST(verdict_of_one_eta_and_one_sde_is_open)
{
  json_t *summary = summary_of("study: compare\n"
                               "loss: {name: quadratic, data: data/quadratic4.csv}\n"
                               "start: [1.5, -1]\n"
                               "batch: 4\n"
                               "eta: 0.1\n"
                               "rho: 0.1\n"
                               "time: 2\n"
                               "optimizers: [{name: m-usam, micro_batch: 1}]\n"
                               "paths: 1000\n");
  ck_assert_int_eq(holds_of(summary, "", "agree"), OPEN);
  json_t *verdicts = json_object_get(summary, "verdicts"), *verdict;
  size_t i;
  json_array_foreach(verdicts, i, verdict)
  {
    ck_assert_msg(!json_is_true(json_object_get(verdict, "holds")) ||
                      strstr(text_of(verdict, "claim"), "exact mean") != NULL,
                  "%s", text_of(verdict, "claim"));
  }
  json_decref(summary);
}
END_TEST

/* ---- beside exact means ---- */

static const char iterates_claim[] = "the simulated iterates have the exact mean";
static const char sde_claim[] = "the estimate of SDE 0 has the exact mean within its scheme error";

/* The golden m-usam in this process, whose iterates or SDE may be those of another optimizer. */
static json_t *summary_of_twin(size_t paths, bool iterates, bool solution, double rho)
{
  char *paths_text = sde_format("paths=%zu", paths);
  const char *override[] = {"loss.data=data/quadratic4.csv",
                            "observables=[loss]",
                            "records=1",
                            "eta=0.1",
                            "rho=0.2",
                            "optimizers=[{name: m-usam, micro_batch: 2}]",
                            paths_text};
  struct sde_status status = {SDE_OK, ""};
  struct recipe *recipe = recipe_read("experiments/recipes/golden.yaml", study_types(),
                                      sizeof override / sizeof *override, override, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  struct cases *cases = cases_new(recipe, &status);
  ck_assert_msg(cases != NULL && cases->count == 1, "%s", status.message);
  struct run_case *one = &cases->one[0];
  struct optimizer other = one->optimizer;
  other.rho = rho;
  struct limit *limit = limit_new(&other, limit_options_of(one->sde[0].limit),
                                  sde_stream_named(1, "twin"), "twin", &status);
  if (iterates) {
    optimizer_process_free(one->iterates);
    one->iterates = optimizer_process_new(&other, sde_stream_named(1, "twin"));
  }
  struct sde_process *process[] = {one->sde[0].process, one->sde[0].companion};
  for (size_t i = 0; solution && i < 2; i++)
    ((struct sde_solution *)process[i]->context)->system = limit_system(limit);
  struct results *results = results_new(recipe);
  ck_assert(recipe->study->run(recipe, 1, NULL, cases, results, &status));
  char *directory = sde_format("%s/run", folder);
  ck_assert(results_write(results, directory, &status));
  sde_free(directory);
  results_free(results);
  cases_free(cases);
  limit_free(limit);
  recipe_free(recipe);
  sde_free(paths_text);
  return read_json("run", "summary.json");
}

/* Twins: iterates, or SDE, of an optimizer with twice the rho. */
START_TEST(means_are_judged_by_exact_ones)
{
  for (int twin = 0; twin < 3; twin++) {
    json_t *summary = summary_of_twin(20000, twin == 1, twin == 2, 0.4);
    ck_assert_int_eq(holds_of(summary, "m-usam m=2,", iterates_claim), twin == 1 ? NO : YES);
    ck_assert_int_eq(holds_of(summary, "m-usam m=2,", sde_claim), twin == 2 ? NO : YES);
    json_decref(summary);
  }
}
END_TEST

/* Started at the minimum, A x = b, the mean of SGD stays there: that it is the exact one confirms
 * nothing, for any optimizer that does nothing has it too. */
START_TEST(means_that_do_not_move_are_open)
{
  json_t *summary = summary_of("study: compare\n"
                               "loss: {name: quadratic, data: data/quadratic4.csv}\n"
                               "start: [0.18987341772151898, 0.10126582278481013]\n"
                               "batch: 4\n"
                               "eta: 0.1\n"
                               "time: 1\n"
                               "optimizers: [{name: sgd}]\n"
                               "observables: [x1, x2]\n"
                               "paths: 1000\n");
  ck_assert_int_eq(holds_of(summary, "sgd", iterates_claim), OPEN);
  ck_assert_int_eq(holds_of(summary, "sgd", sde_claim), OPEN);
  json_decref(summary);
}
END_TEST

/* What a run printed holds this; `count` times. */
static void assert_printed(const char *words, size_t count)
{
  char *output = read_file("output");
  size_t found = 0;
  for (const char *at = output; (at = strstr(at, words)) != NULL; at++)
    found++;
  ck_assert_msg(found == count, "'%s' is printed %zu times, not %zu:\n%s", words, found, count,
                output);
  sde_free(output);
}

static const char few_recipe[] = "study: compare\n"
                                 "loss: {name: quadratic, data: data/quadratic4.csv}\n"
                                 "noise: {sampling: %s}\n"
                                 "start: [1.5, -1]\n"
                                 "batch: 4\n"
                                 "eta: [0.1, 0.05]\n"
                                 "rho: 0.1\n"
                                 "time: 1\n"
                                 "optimizers: [%s]\n"
                                 "sde: [%s]\n"
                                 "paths: 64\n";

static json_t *run_few(const char *noise, const char *optimizers, const char *sdes)
{
  char *text = sde_format(few_recipe, noise, optimizers, sdes);
  json_t *summary = summary_of(text);
  sde_free(text);
  return summary;
}

START_TEST(means_are_open_where_nothing_is_exact)
{
  json_t *summary =
      run_few("with-replacement", "{name: n-sam}, {name: m-sam, micro_batch: 1}", "{}");
  ck_assert_int_eq(holds_of(summary, "", "have the exact means"), OPEN);
  assert_printed("Not known exactly: ", 1);
  assert_printed("the optimizer normalises", 2); /* the note and the verdict */
  json_decref(summary);
}
END_TEST

/* The iterates have exact means; SDE 1, from fresh directions, has not, and that is noted once. */
START_TEST(exact_means_are_printed)
{
  json_t *summary = run_few("with-replacement", "{name: m-usam, micro_batch: 2}",
                            "{}, {rho_order: exact, directions: 4}");
  for (size_t s = 0; s < 2; s++) {
    json_t *row = row_of(summary, "m-usam", 2, 0.1, s, "loss");
    char *iterates = sde_format(" %.5g", number_of(row, "exact_iterates"));
    assert_printed(iterates, 2);
    sde_free(iterates);
    if (s == 1)
      assert_null(row, "exact_sde");
  }
  char *solution =
      sde_format(" %.5g", number_of(row_of(summary, "m-usam", 2, 0.1, 0, "loss"), "exact_sde"));
  assert_printed(solution, 1);
  assert_printed("Not known exactly: 2 means, first that of SDE 1 of m-usam m=2, eta 0.1: ", 1);
  sde_free(solution);
  json_decref(summary);
}
END_TEST

/* Each form once, with all that it serves. */
START_TEST(forms_are_printed_once)
{
  json_decref(run_few("with-replacement",
                      "{name: sgd}, {name: m-sam, micro_batch: [4, 1]}, {name: n-usam}",
                      "{norm: gaussian}"));
  assert_printed("SDE 0 of sgd; n-usam: rho_order 1", 1);
  assert_printed("SDE 0 of m-sam m=4; m-sam m=1: rho_order 1, E|g_I| by the Gaussian integral", 1);
  assert_printed("SDE 0 of ", 2);
}
END_TEST

static bool is_coupled(json_t *summary, const char *optimizer, size_t sde)
{
  json_t *row = row_of(summary, optimizer, 0, 0.1, sde, "loss");
  json_t *reduction = json_object_get(row, "variance_reduction");
  bool coupled = json_is_true(json_object_get(row, "coupled"));
  ck_assert(coupled ? json_number_value(reduction) > 10 : json_is_null(reduction));
  return coupled;
}

/* SDEs of all substeps share one Brownian path with the iterates, which is finer than any of theirs
 * (48 increments here); not where that would cost too much, where a Cholesky factor mixes the
 * potentials, or where the columns are directions, be they as many as the potentials. */
START_TEST(what_is_coupled_is_said)
{
  json_t *summary = run_few("gaussian", "{name: sgd}, {name: m-sam, micro_batch: 2}",
                            "{}, {substeps: 4}, {substeps: 3}, {substeps: 7}, "
                            "{noise_factor: cholesky}, {rho_order: exact, directions: 2}");
  static const bool coupled[] = {true, true, true, false, false, true};
  for (size_t s = 0; s < sizeof coupled / sizeof *coupled; s++) {
    ck_assert_msg(is_coupled(summary, "sgd", s) == coupled[s], "SDE %zu", s);
    ck_assert_msg(is_coupled(summary, "m-sam", s) == (coupled[s] && s < 5), "SDE %zu", s);
  }
  assert_printed("divides the variance of the difference by ", 1);
  assert_printed("Optimizer and SDE 3 use independent random numbers: its substeps", 1);
  assert_printed("Optimizer and SDE 4 use independent random numbers: noise_factor: cholesky", 1);
  assert_printed("Optimizer and SDE 5 in 2 of 4 cases use independent random numbers: its noise is "
                 "that of fresh",
                 1);
  assert_printed("use independent random numbers", 3);
  json_decref(summary);
}
END_TEST

START_TEST(delta_beside_exact_norms_is_refused)
{
  static const char *const items[] = {"delta: 1e-3", "norms: exact", "norms: exact, delta: 1e-3"};
  for (size_t i = 0; i < 3; i++) {
    char *optimizer = sde_format("{name: rw-sam, %s}", items[i]);
    char *text = sde_format(few_recipe, "with-replacement", optimizer, "");
    assert_status(run_text(text, items[i]), i == 2 ? SDE_INVALID : SDE_OK);
    sde_free(optimizer);
    sde_free(text);
  }
  char *errors = read_file("errors");
  ck_assert_msg(strstr(errors, "norms: exact takes no finite difference") != NULL, "%s", errors);
  sde_free(errors);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
  TCase *test_case = testing_case(suite, name);
  tcase_set_timeout(test_case, LONG_SECONDS);
  tcase_add_checked_fixture(test_case, set_up, tear_down);
  return test_case;
}

int main(void)
{
  Suite *suite = suite_create("run");
  TCase *golden = add_case(suite, "golden"), *memory = add_case(suite, "memory");
  TCase *divergence = add_case(suite, "divergence"), *contract = add_case(suite, "contract");
  TCase *verdicts = add_case(suite, "verdicts");
  tcase_add_test(golden, golden_means_are_exact);
  tcase_add_test(golden, golden_substeps_1_is_noticed);
  tcase_add_test(golden, golden_variance_term_is_noticed);
  tcase_add_test(golden, gaussian_sgd_is_euler_maruyama_at_step_eta);
  tcase_add_test(memory, memory_does_not_grow_with_paths);
  tcase_add_loop_test(divergence, diverged_paths_are_counted_and_labelled, 0, 2);
  tcase_add_test(divergence, all_diverged_leaves_no_means);
  tcase_add_loop_test(divergence, formulas_without_a_value_are_said, 0,
                      sizeof undefined / sizeof *undefined);
  tcase_add_loop_test(divergence, all_diverged_writes_no_nan, 0, SPOKEN_FILES);
  tcase_add_test(contract, sweeps_multiply_out);
  tcase_add_test(contract, summary_repeats_the_end_of_the_series);
  tcase_add_test(contract, summary_repeats_the_end_of_the_differences);
  tcase_add_test(contract, records_are_evenly_spread_steps);
  tcase_add_test(contract, run_json_names_what_differs_from_run_to_run);
  tcase_add_test(contract, quantiles_are_those_of_the_paths);
  tcase_add_test(verdicts, verdicts_rest_on_predictions);
  tcase_add_test(verdicts, exact_means_decide_on_few_paths);
  tcase_add_test(verdicts, verdicts_on_few_paths_are_open);
  tcase_add_test(verdicts, verdicts_see_no_variance_term_where_there_is_none);
  tcase_add_test(verdicts, verdict_of_one_eta_and_one_sde_is_open);
  TCase *exact = add_case(suite, "exact"), *said = add_case(suite, "said");
  tcase_add_test(exact, means_are_judged_by_exact_ones);
  tcase_add_test(exact, means_that_do_not_move_are_open);
  tcase_add_test(exact, means_are_open_where_nothing_is_exact);
  tcase_add_test(exact, exact_means_are_printed);
  tcase_add_test(said, forms_are_printed_once);
  tcase_add_test(said, what_is_coupled_is_said);
  tcase_add_test(said, delta_beside_exact_norms_is_refused);
  return testing_run(suite);
}
