/*
 * Tables say the same in every place: columns by themselves; the CSV tables and the terminal's of
 * each study against the summary, value by value under its name; and those of the golden case
 * against the exact means. Run from the root of the project.
 */
#include "experiments/results/columns.h"

#include "tests/golden.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading what was left ---- */

static char folder[] = "/tmp/sharpsde-columns-XXXXXX";

static char *read_file(const char *name)
{
  char *path = sde_format("%s/%s", folder, name), *text = NULL;
  FILE *file = fopen(path, "r");
  size_t size = 0;
  ck_assert_msg(file != NULL, "%s is missing", path);
  ck_assert(getdelim(&text, &size, '\0', file) >= 0);
  fclose(file);
  sde_free(path);
  return text;
}

/* The line of a text, without its end; NULL beyond the last. The text is that of read_file. */
static char *line_of(const char *text, size_t line)
{
  for (; line > 0 && text != NULL; line--)
    text = strchr(text, '\n') == NULL ? NULL : strchr(text, '\n') + 1;
  return text == NULL || *text == '\0' ? NULL : sde_format("%.*s", (int)strcspn(text, "\n"), text);
}

/* The cell of a line of CSV, or -1 where a name is not in the header. */
static char *cell_at(const char *line, size_t column)
{
  for (; column > 0; column--) {
    line = strchr(line, ',');
    ck_assert_ptr_nonnull(line);
    line++;
  }
  return sde_format("%.*s", (int)strcspn(line, ","), line);
}

static size_t column_of(const char *header, const char *name)
{
  for (size_t column = 0;; column++) {
    char *cell = cell_at(header, column);
    bool found = strcmp(cell, name) == 0;
    sde_free(cell);
    if (found)
      return column;
  }
}

/* The value of "key" or "object.key". */
static json_t *value_of(json_t *object, const char *path)
{
  const char *dot = strchr(path, '.');
  if (dot == NULL)
    return json_object_get(object, path);
  char *first = sde_format("%.*s", (int)(dot - path), path);
  json_t *value = json_object_get(json_object_get(object, first), dot + 1);
  sde_free(first);
  return value;
}

/* Does a cell say what the summary says? Nothing is null. */
static bool is_same(const char *cell, json_t *value)
{
  char *end;
  double number = strtod(cell, &end);
  if (json_is_string(value))
    return strcmp(cell, json_string_value(value)) == 0;
  if (json_is_boolean(value))
    return strcmp(cell, json_is_true(value) ? "true" : "false") == 0 ||
           strcmp(cell, json_is_true(value) ? "1" : "0") == 0;
  if (json_is_number(value))
    return end != cell && *end == '\0' && number == json_number_value(value);
  return json_is_null(value) && *cell == '\0';
}

/* In how many rows a column of a CSV table is not what the summary's rows have under a key, where
 * the last of `each` lines is a row of the summary. */
static size_t differing(const char *table, size_t each, const char *name, json_t *rows,
                        const char *key)
{
  char *header = line_of(table, 0), *beyond = line_of(table, each * json_array_size(rows) + 1);
  size_t column = column_of(header, name), different = 0, i;
  json_t *row;
  ck_assert_ptr_null(beyond);
  json_array_foreach(rows, i, row)
  {
    char *line = line_of(table, each * (i + 1)), *cell = cell_at(line, column);
    json_t *value = value_of(row, key);
    ck_assert_msg(value != NULL, "%s is not in the summary", key);
    different += !is_same(cell, value);
    sde_free(cell);
    sde_free(line);
  }
  sde_free(header);
  return different;
}

static struct outcome run(const char *recipe, size_t count, const char *const *overrides)
{
  struct outcome outcome = outcome_prepare(recipe, count, overrides);
  outcome_run(&outcome, 0);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  ck_assert_msg(results_write(outcome.results, folder, &outcome.status), "%s",
                outcome.status.message);
  return outcome;
}

static void set_up(void)
{
  memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
  char *command = sde_format("rm -r %s", folder);
  ck_assert_int_eq(system(command), 0);
  sde_free(command);
}

/* ---- columns by themselves ---- */

struct made {
  const char *words, *nothing;
  double number, missing;
  size_t count;
  uint64_t wide;
  bool flag;
  struct sde_moments moments;
};

static struct cell doubled(const void *row)
{
  return cell_of_real(2 * ((const struct made *)row)->number);
}

static struct cell label(const void *words)
{
  return cell_of_made_text(sde_format("<%s>", *(const char *const *)words));
}

static const struct columns made_columns = {
    "norms.csv",
    (const struct column[]){
        {"words", NULL, "words", NULL, -6, 0, COLUMN_FIELD(made, words)},
        {"nothing", COLUMN_FIELD(made, nothing)},
        {"number", "renamed", "number", NULL, 8, 3, COLUMN_FIELD(made, number)},
        {"missing", NULL, "missing", " +- ", 7, 0, COLUMN_FIELD(made, missing)},
        {"count", "object.count", NULL, NULL, 0, 0, COLUMN_FIELD(made, count)},
        {"wide", "object.wide", NULL, NULL, 0, 0, COLUMN_FIELD(made, wide)},
        {"flag", NULL, "flag", NULL, 4, 0, COLUMN_FIELD(made, flag)},
        {.key = "doubled", COLUMN_OF_ROW(doubled)},
        COLUMNS_OF_MOMENTS("side_", "side.", "mean", made, moments),
        {.heading = "label", .width = -9, COLUMN_READ(made, words, const char *, label)},
        {.read = NULL}}};

static const struct made made_row = {.words = "one",
                                     .number = 0.1234567,
                                     .missing = NAN,
                                     .count = 7,
                                     .wide = UINT64_C(1) << 60,
                                     .flag = true,
                                     .moments = {4, 1.5, 12}};

static struct results *made_results(struct outcome *outcome)
{
  static const char *const few[] = {"paths=64"};
  *outcome = outcome_prepare("experiments/recipes/valley.yaml", 1, few);
  return outcome->results;
}

START_TEST(one_row_in_three_places)
{
  static const char *const keys[] = {"side",    "object", "renamed", "words", "nothing",
                                     "missing", "flag",   "doubled", NULL};
  struct outcome outcome;
  struct results *results = made_results(&outcome);
  char *text = NULL;
  size_t length;
  columns_write(results, &made_columns, &made_row);
  columns_print_headings(results, &made_columns);
  columns_print(results, &made_columns, &made_row);
  json_t *object = columns_json(&made_columns, keys, &made_row);
  char *json = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(8));
  ck_assert_str_eq(json, "{\"side\":{\"mean\":1.5,\"se\":1.0,\"n\":4},\"object\":{\"count\":7,"
                         "\"wide\":1152921504606846976},\"renamed\":0.1234567,\"words\":\"one\","
                         "\"nothing\":null,\"missing\":null,\"flag\":true,\"doubled\":0.2469134}");
  FILE *out = open_memstream(&text, &length);
  results_print(results, out);
  fclose(out);
  ck_assert_str_eq(text, "words    number +- missing flag        mean +- s.e.     label\n"
                         "one       0.123             yes         1.5 +- 1        <one>\n");
  ck_assert(results_write(results, folder, &outcome.status));
  char *table = read_file("norms.csv");
  ck_assert_str_eq(table, "words,nothing,number,missing,count,wide,flag,side_mean,side_se,side_n\n"
                          "one,,0.1234567,,7,1152921504606846976,true,1.5,1,4\n");
  free(table);
  free(text);
  free(json);
  json_decref(object);
  outcome_free(&outcome);
}
END_TEST

/* A table that has no row still has its header; one that nobody wrote to is not there. */
START_TEST(a_table_without_rows_has_a_header)
{
  struct outcome outcome;
  struct results *results = made_results(&outcome);
  ck_assert_ptr_null(results_find_table(results, "norms.csv"));
  columns_begin(results, &made_columns);
  ck_assert(results_write(results, folder, &outcome.status));
  char *table = read_file("norms.csv");
  ck_assert_str_eq(table,
                   "words,nothing,number,missing,count,wide,flag,side_mean,side_se,side_n\n");
  free(table);
  outcome_free(&outcome);
}
END_TEST

/* ---- the CSV tables of the studies against the summary ---- */

/* A table whose rows are those of the summary's list; a column and its key; and the column from
 * which it must not be taken. */
struct same {
  const char *name, *key, *other;
};

enum { SAME_MOST = 24, OVERRIDES = 3 };

#define GOLDEN_DATA "loss.data=data/quadratic4.csv"

struct study_table {
  const char *recipe, *overrides[OVERRIDES], *table;
  size_t each; /* lines of the table for a row of the list, the last of which is the same */
  const char *list;
  struct same same[SAME_MOST];
};

#define CASE_SAME                                                                                  \
  {"optimizer", "optimizer", NULL}, {"micro_batch", "micro_batch", NULL},                          \
      {"batch", "batch", NULL}, {"eta", "eta", NULL},                                              \
  {                                                                                                \
    "rho", "rho", NULL                                                                             \
  }

static const struct study_table tables[] = {
    {"golden",
     {"paths=640", "records=2", GOLDEN_DATA},
     "compare.csv",
     1,
     "rows",
     {CASE_SAME,
      {"sde", "sde_index", NULL},
      {"observable", "observable", NULL},
      {"time", "time", NULL},
      {"iterates_mean", "iterates.mean", "sde_mean"},
      {"iterates_se", "iterates.se", "sde_se"},
      {"iterates_n", "iterates.n", NULL},
      {"iterates_diverged", "iterates.diverged", NULL},
      {"sde_mean", "sde.mean", "iterates_mean"},
      {"sde_se", "sde.se", "iterates_se"},
      {"sde_n", "sde.n", NULL},
      {"sde_diverged", "sde.diverged", NULL},
      {"difference", "difference", "scheme_error"},
      {"difference_se", "difference_se", "difference"},
      {"coupled", "coupled", NULL},
      {"scheme_error", "scheme_error", "difference_se"},
      {"exact_iterates", "exact_iterates", "exact_sde"},
      {"exact_sde", "exact_sde", "exact_iterates"}}},
    {"escape",
     {"paths=64", "time=40", "sde={substeps: 2}"},
     "escape.csv",
     1,
     "rows",
     {CASE_SAME,
      {"process", "process", NULL},
      {"sde", "sde_index", NULL},
      {"mean", "mean", "se"},
      {"se", "se", "mean"},
      {"n", "n", "mean"},
      {"censored", "censored", "n"},
      {"diverged", "diverged", NULL},
      {"restricted_mean", "restricted_mean", "mean"},
      {"exact", "exact", NULL},
      {"exact_error", "exact_error", NULL},
      {"scheme_error", "scheme_error", NULL}}},
    {"golden-norms",
     {"paths=640", "seed=2", GOLDEN_DATA},
     "norms.csv",
     1,
     "norms",
     {{"size", "size", "n"},
      {"mean", "mean", "exact"},
      {"se", "se", "mean"},
      {"exact", "exact", "gaussian"},
      {"gaussian", "gaussian", "exact"},
      {"full_gradient", "full_gradient", "mean"},
      {"n", "n", "size"}}},
    {"golden-regularizer",
     {"paths=640", "seed=2", GOLDEN_DATA},
     "regularizer.csv",
     1,
     "rows",
     {{"optimizer", "optimizer", NULL},
      {"micro_batch", "micro_batch", NULL},
      {"batch", "batch", NULL},
      {"rho", "rho", NULL},
      {"coefficient", "coefficient", "predicted"},
      {"se", "se", "coefficient"},
      {"predicted", "predicted", "coefficient"},
      {"n", "paths", "batch"}}},
    {"double-well-distances",
     {"paths=128", "distance_paths=128", "records=1"},
     "distances.csv",
     2,
     "distances",
     {CASE_SAME,
      {"sde", "sde_index", NULL},
      {"observable", "observable", NULL},
      {"time", "time", NULL},
      {"wasserstein", "wasserstein", "floor"},
      {"floor", "floor", "wasserstein"},
      {"floor_sd", "floor_sd", "floor"},
      {"scheme", "scheme", "critical"},
      {"kolmogorov_smirnov", "kolmogorov_smirnov", "critical"},
      {"critical", "critical", "kolmogorov_smirnov"},
      {"iterates_n", "iterates_n", NULL},
      {"sde_n", "sde_n", NULL}}},
    {"valley-landscape",
     {"paths=64", "resolution=11", "sample_paths=1"},
     "minima.csv",
     1,
     "minima",
     {CASE_SAME,
      {"function", "function", NULL},
      {"x", "x", "value"},
      {"y", "y", "value"},
      {"value", "value", "x"},
      {"flat", "flat", NULL}}},
};
enum { TABLES = sizeof tables / sizeof *tables };

START_TEST(tables_say_what_the_summary_says)
{
  const struct study_table *of = &tables[_i];
  char *recipe = sde_format("experiments/recipes/%s.yaml", of->recipe);
  struct outcome outcome = run(recipe, OVERRIDES, of->overrides);
  json_t *rows = json_object_get(results_summary(outcome.results), of->list);
  ck_assert_uint_gt(json_array_size(rows), 0);
  char *table = read_file(of->table);
  for (const struct same *same = of->same; same->name != NULL; same++) {
    size_t wrong = differing(table, of->each, same->name, rows, same->key);
    ck_assert_msg(wrong == 0, "%s: %s is not %s in %zu rows", of->table, same->name, same->key,
                  wrong);
    if (same->other != NULL)
      ck_assert_msg(differing(table, of->each, same->other, rows, same->key) > 0,
                    "%s tells not %s from %s", of->table, same->name, same->other);
  }
  free(table);
  sde_free(recipe);
  outcome_free(&outcome);
}
END_TEST

/* ---- the terminal's table of `compare` ---- */

/* What stands under a heading, whose end is that of the numbers; NAN where there is nothing. */
static double printed_under(const char *headings, const char *line, const char *heading)
{
  const char *at = strstr(headings, heading);
  ck_assert_msg(at != NULL, "%s is no heading", heading);
  size_t end = (size_t)(at - headings) + strcspn(heading, "+");
  while (end > 0 && headings[end - 1] == ' ')
    end--;
  if (strlen(line) < end || line[end - 1] == ' ')
    return NAN;
  size_t begin = end;
  while (begin > 0 && line[begin - 1] != ' ')
    begin--;
  return strtod(line + begin, NULL);
}

/* In how many rows the numbers under a heading are not the summary's, to the digits printed. */
static size_t misprinted(const char *text, const char *heading, double precision, json_t *rows,
                         const char *key)
{
  const char *begin = strstr(text, "optimizer ");
  ck_assert_ptr_nonnull(begin);
  char *headings = line_of(begin, 0);
  size_t wrong = 0, i;
  json_t *row;
  json_array_foreach(rows, i, row)
  {
    char *line = line_of(begin, i + 1);
    double value = json_number_value(value_of(row, key));
    double printed = printed_under(headings, line, heading);
    ck_assert_msg(strstr(line, json_string_value(json_object_get(row, "observable"))) != NULL, "%s",
                  line);
    wrong += !(fabs(printed - value) <= precision * fabs(value));
    sde_free(line);
  }
  sde_free(headings);
  return wrong;
}

START_TEST(the_terminal_says_what_the_summary_says)
{
  static const char *const overrides[] = {"paths=640", "records=2", GOLDEN_DATA};
  static const struct {
    const char *heading, *key, *other;
    double precision; /* half a unit of the last digit, of the smallest number with these digits */
  } same[] = {{"iterates +-", "iterates.mean", "sde.mean", 5.1e-5},
              {"SDE +-", "sde.mean", "iterates.mean", 5.1e-5},
              {"difference +-", "difference", "difference_se", 5.1e-3},
              {"scheme error", "scheme_error", "difference_se", 0.51},
              {"exact iterates", "exact_iterates", "exact_sde", 5.1e-5},
              {"exact SDE", "exact_sde", "exact_iterates", 5.1e-5},
              {"eta ", "eta", "rho", 1e-6}};
  struct outcome outcome = run("experiments/recipes/golden.yaml", 3, overrides);
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  results_print(outcome.results, out);
  fclose(out);
  for (size_t i = 0; i + 1 < sizeof same / sizeof *same; i++) {
    size_t wrong = misprinted(text, same[i].heading, same[i].precision, outcome.rows, same[i].key);
    ck_assert_msg(wrong == 0, "%s is not %s in %zu rows", same[i].heading, same[i].key, wrong);
    ck_assert_uint_gt(
        misprinted(text, same[i].heading, same[i].precision, outcome.rows, same[i].other), 0);
  }
  free(text);
  outcome_free(&outcome);
}
END_TEST

/* ---- compare.csv and the terminal against exact means ---- */

/* Each estimate is within 4.5 of its standard errors of its own exact mean, which the ten rows of
 * correct code fail with probability 1.4e-4 over the choice of seed, and beyond that of the
 * other's. Euler-Maruyama with 16 substeps is off by about a sixteenth of the difference of the
 * two. */
START_TEST(iterates_and_sde_stand_under_their_names)
{
  static const char *const overrides[] = {"paths=40000", "records=1", "observables=[loss]",
                                          GOLDEN_DATA};
  static const char *const sides[] = {"iterates", "sde"};
  static const double standard_errors = 4.5;
  struct outcome outcome = run("experiments/recipes/golden.yaml", 4, overrides);
  char *table = read_file("compare.csv"), *header = line_of(table, 0);
  for (size_t i = 0; i < GOLDEN_LOSSES; i++) {
    char *line = line_of(table, 1 + (i % 2) * GOLDEN_LOSSES / 2 + i / 2);
    const double exact[] = {golden_losses[i].iterates, golden_losses[i].sde};
    for (size_t side = 0; side < 2; side++) {
      double found[3];
      const char *const name[] = {"%s_mean", "%s_se", "exact_%s"};
      for (size_t k = 0; k < 3; k++) {
        char *column = sde_format(name[k], sides[side]);
        char *cell = cell_at(line, column_of(header, column));
        found[k] = strtod(cell, NULL);
        sde_free(cell);
        sde_free(column);
      }
      ck_assert_double_eq_tol(found[2], exact[side], 1e-11);
      double bias = side == 0 ? 0 : fabs(exact[0] - exact[1]) / 8;
      ck_assert_double_lt(fabs(found[0] - exact[side]), standard_errors * found[1] + bias);
      ck_assert_double_gt(fabs(found[0] - exact[1 - side]), standard_errors * found[1] + bias);
    }
    sde_free(line);
  }
  sde_free(header);
  free(table);
  outcome_free(&outcome);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("columns");
  TCase *alone = testing_case(suite, "alone");
  tcase_add_checked_fixture(alone, set_up, tear_down);
  tcase_add_test(alone, one_row_in_three_places);
  tcase_add_test(alone, a_table_without_rows_has_a_header);
  TCase *studies = testing_case(suite, "studies");
  tcase_add_checked_fixture(studies, set_up, tear_down);
  tcase_add_loop_test(studies, tables_say_what_the_summary_says, 0, TABLES);
  tcase_add_test(studies, the_terminal_says_what_the_summary_says);
  tcase_add_test(studies, iterates_and_sde_stand_under_their_names);
  return testing_run(suite);
}
