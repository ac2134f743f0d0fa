/*
 * Samples that are held out: each row is learnt from or held out, by the seed; what is held out is
 * standardised as the rest is, and by the rest alone; a file of its own gives the same as rows of
 * one file; test-loss, test-error and generalization-gap are the means of these samples. The twin
 * learns from all rows.
 */
#include "models/data_held_out.h"
#include "models/observables.h"
#include "sde/block.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 40, HELD = 12, D = 3 };

/* Two features and one of so many classes. */
static char *data_text(size_t classes)
{
  char *text = sde_strdup("a,b,y\n");
  for (size_t i = 0; i < ROWS; i++) {
    double a = sin(1.7 * (double)i), b = 3 + cos(2.3 * (double)i * (double)i);
    char *more =
        sde_format("%s%.6f,%.6f,%zu\n", text, a, b,
                   a + 0.3 * b + sin((double)(i * i)) > 0.9 ? classes - 1 : i % (classes - 1));
    sde_free(text);
    text = more;
  }
  return text;
}

static const char *const seed_2[] = {"fraction = 0.3", "seed = 2"};
static const char *const seed_3[] = {"seed = 3", "fraction = 0.3"};

/* A loss on the file; `holdout` is NULL or of two parts. */
static struct loss *loss_of(const char *name, const char *file, const char *more,
                            const char *const *holdout)
{
  const struct loss_type *type = loss_type_named(name);
  char *text = sde_format("data=%s target=y %s", file, more);
  struct parameters *given = models_parameters(type->keys, text);
  struct sde_status status = {SDE_OK, ""};
  if (holdout != NULL)
    parameters_add_texts(given, "holdout", 2, holdout, "recipe:holdout");
  struct loss *loss = loss_new(type, given, &status);
  ck_assert_msg(loss != NULL, "%s", status.message);
  parameters_free(given);
  sde_free(text);
  return loss;
}

/* The rows of the file as they are held out, by their lines. */
static struct data_table *table_of(const char *file, const char *const *holdout)
{
  struct parameters *given = parameters_new();
  parameters_add_texts(given, "holdout", 2, holdout, "recipe:holdout");
  struct data_format format = data_format_of(given);
  struct sde_status status = {SDE_OK, ""};
  struct data_table *table = data_table_read_as(file, &format, &status);
  ck_assert_msg(table != NULL, "%s", status.message);
  parameters_free(given);
  return table;
}

START_TEST(every_row_is_on_one_side)
{
  char *text = data_text(2), *file = models_file(text);
  struct data_table *one = table_of(file, seed_2), *same = table_of(file, seed_2);
  struct data_table *other = table_of(file, seed_3);
  bool seen[ROWS] = {false};
  ck_assert_uint_eq(one->rows, ROWS);
  ck_assert_uint_eq(one->held_out, HELD);
  ck_assert_mem_eq(one->line, same->line, ROWS * sizeof *one->line);
  ck_assert(memcmp(one->line, other->line, ROWS * sizeof *one->line) != 0);
  for (size_t i = 0; i < ROWS; i++) {
    ck_assert(!seen[one->line[i] - 2]);
    seen[one->line[i] - 2] = true;
    if (i > 0 && i != ROWS - HELD)
      ck_assert_uint_gt(one->line[i], one->line[i - 1]);
    ck_assert_double_eq_tol(one->values[i * D], sin(1.7 * (double)(one->line[i] - 2)), 1e-6);
  }
  data_table_free(one);
  data_table_free(same);
  data_table_free(other);
  models_file_remove(file);
  sde_free(text);
}
END_TEST

/* The lines of the text that are learnt from, or those that are held out, below the header. */
static char *side_of(const char *text, const struct data_table *table, bool held)
{
  size_t header = strcspn(text, "\n") + 1, count = ROWS - HELD;
  char *side = sde_format("%.*s", (int)header, text);
  for (size_t i = held ? count : 0; i < (held ? ROWS : count); i++) {
    const char *line = text;
    for (size_t k = 1; k < table->line[i]; k++)
      line += strcspn(line, "\n") + 1;
    char *more = sde_format("%s%.*s\n", side, (int)strcspn(line, "\n"), line);
    sde_free(side);
    side = more;
  }
  return side;
}

static const struct kind {
  const char *loss, *more;
  size_t classes, dim;
} kinds[] = {{"logistic", "ridge=0", 2, 3},
             {"mlp", "output=logistic hidden=2 ridge=0", 2, 9},
             {"mlp", "output=softmax hidden=2 ridge=0", 3, 15},
             {"linear-regression", "ridge=0", 0, 3}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void values_of(const struct loss *loss, const double *x, size_t sample, double *value,
                      double *wrong)
{
  uint32_t index = (uint32_t)sample;
  struct loss_samples one = {&index, 0};
  loss->type->value(loss, SDE_UNIT, one, x, value);
  if (loss->classes > 0)
    loss->type->wrong(loss, SDE_UNIT, one, x, wrong);
}

/* A loss of the rows of one file, of two files, and of all rows, the twin; at points of a block. */
START_TEST(observables_are_of_what_is_held_out)
{
  static const char *const names[] = {"loss", "test-loss", "generalization-gap", "test-error"};
  const struct kind *kind = &kinds[_i];
  size_t observed = kind->classes > 0 ? 4 : 3;
  char *text = data_text(kind->classes > 0 ? kind->classes : 3), *file = models_file(text);
  struct data_table *table = table_of(file, seed_2);
  char *left = side_of(text, table, false), *held = side_of(text, table, true);
  char *train = models_file(left), *test = models_file(held);
  char *keys = sde_format("%s test_data=%s", kind->more, test);
  struct loss *two = loss_of(kind->loss, train, keys, NULL);
  struct loss *one = loss_of(kind->loss, file, kind->more, seed_2);
  struct loss *all = loss_of(kind->loss, file, kind->more, NULL);
  ck_assert_uint_eq(two->samples, ROWS - HELD);
  ck_assert_uint_eq(two->held_out, HELD);
  ck_assert_uint_eq(two->dim, kind->dim);
  struct objective *objective = models_objective(two, "sampling=with-replacement", NULL);
  struct sde_status status = {SDE_OK, ""};
  struct sde_observables *observables = observables_new(objective, observed, names, "r", &status);
  ck_assert_msg(observables != NULL, "%s", status.message);
  double x[16 * SDE_UNIT], out[4 * SDE_UNIT], mean[SDE_UNIT] = {0}, error[SDE_UNIT] = {0};
  for (size_t i = 0; i < kind->dim * SDE_UNIT; i++)
    x[i] = 1.5 * sin(1 + 2.1 * (double)i);
  void *workspace = observables->workspace_new(observables->context, SDE_UNIT);
  observables->evaluate(observables->context, workspace, SDE_UNIT, x, out);
  double apart = 0;
  for (size_t i = 0; i < HELD; i++) {
    double value[SDE_UNIT], wrong[SDE_UNIT] = {0}, other[SDE_UNIT], unused[SDE_UNIT];
    values_of(two, x, two->samples + i, value, wrong);
    values_of(one, x, one->samples + i, other, unused);
    ck_assert_mem_eq(other, value, sizeof value);
    values_of(all, x, table->line[two->samples + i] - 2, other, unused);
    for (size_t p = 0; p < SDE_UNIT; p++) {
      mean[p] += value[p] / HELD;
      error[p] += wrong[p] / HELD;
      apart = fmax(apart, fabs(value[p] - other[p]));
      /* -log of the share of its class: above 1/2 it is the largest, below 1/classes it is not. */
      if (kind->classes > 0 && value[p] < log(2) - 1e-12)
        ck_assert_double_eq(wrong[p], 0);
      if (kind->classes > 0 && value[p] > log((double)kind->classes) + 1e-12)
        ck_assert_double_eq(wrong[p], 1);
    }
  }
  for (size_t p = 0; p < SDE_UNIT; p++) {
    ck_assert_double_eq_tol(out[SDE_UNIT + p], mean[p], 1e-13 * (1 + mean[p]));
    ck_assert_double_eq_tol(out[2 * SDE_UNIT + p], mean[p] - out[p], 1e-13 * (1 + mean[p]));
    if (kind->classes > 0)
      ck_assert_double_eq_tol(out[3 * SDE_UNIT + p], error[p], 1e-13);
  }
  ck_assert_msg(apart > 1e-3, "rows that are held out shift the others");
  observables->workspace_free(workspace);
  observables_free(observables);
  objective_free(objective);
  loss_free(two);
  loss_free(all);
  loss_free(one);
  data_table_free(table);
  models_file_remove(train);
  models_file_remove(test);
  models_file_remove(file);
  sde_free(keys);
  sde_free(left);
  sde_free(held);
  sde_free(text);
}
END_TEST

static const struct {
  const char *part[2], *words;
} bad[] = {{{"fraction = 2", "seed = 1"}, "a fraction between 0 and 1"},
           {{"fraction = 0.3", "seed = 0.5"}, "a seed that is a whole number"},
           {{"seed = 2", "seed = 1"}, "a fraction between 0 and 1"},
           {{"fraction = 0.001", "seed = 1"}, "of 40 rows is 0 of them"},
           {{"share = 0.3", "seed = 1"}, "'share = 0.3' is no part of holdout"}};
enum { BAD = sizeof bad / sizeof *bad };

START_TEST(bad_holdouts_are_refused)
{
  char *text = data_text(2), *file = models_file(text);
  struct parameters *given = parameters_new();
  parameters_add_texts(given, "holdout", 2, bad[_i].part, "recipe:holdout");
  struct data_format format = data_format_of(given);
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(data_table_read_as(file, &format, &status));
  models_assert_refused(&status, "recipe:holdout", bad[_i].words);
  parameters_free(given);
  models_file_remove(file);
  sde_free(text);
}
END_TEST

/* Without samples held out, or classes, there is nothing to observe; nor out of two files. */
START_TEST(observables_without_a_meaning_are_refused)
{
  static const char *const test_loss[] = {"test-loss"}, *const test_error[] = {"test-error"};
  char *text = data_text(2), *file = models_file(text);
  struct loss *whole = loss_of("logistic", file, "ridge=0", NULL);
  struct loss *numbers = loss_of("linear-regression", file, "ridge=0", seed_2);
  struct objective *of_whole = models_objective(whole, "sampling=with-replacement", NULL);
  struct objective *of_numbers = models_objective(numbers, "sampling=with-replacement", NULL);
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(observables_new(of_whole, 1, test_loss, "recipe:observables", &status));
  models_assert_refused(&status, "recipe:observables", "test_data or holdout");
  status = (struct sde_status){SDE_OK, ""};
  ck_assert_ptr_null(observables_new(of_numbers, 1, test_error, "recipe:observables", &status));
  models_assert_refused(&status, "recipe:observables", "of classes");
  objective_free(of_whole);
  objective_free(of_numbers);
  loss_free(whole);
  loss_free(numbers);
  models_file_remove(file);
  sde_free(text);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("held out");
  TCase *rows = testing_case(suite, "rows");
  tcase_add_test(rows, every_row_is_on_one_side);
  tcase_add_loop_test(rows, observables_are_of_what_is_held_out, 0, KINDS);
  tcase_add_loop_test(rows, bad_holdouts_are_refused, 0, BAD);
  tcase_add_test(rows, observables_without_a_meaning_are_refused);
  return testing_run(suite);
}
