/*
 * Data: what the CSV reader accepts, and the sentence, with its line, for all it refuses.
 */
#include "models/data.h"
#include "tests/models_testing.h"
#include "tests/testing.h"

#include <stdio.h>

struct bad_file {
  const char *text;
  size_t line;
  const char *words;
};

static const struct bad_file bad_files[] = {
    {"a,b\n1,2\n3,\n", 3, "column 'b'|empty"},
    {"a,b\n1,2\n,4\n5,6\n", 3, "column 'a'|empty"},
    {"a,b\n1,2\n3,\"\"\n", 3, "column 'b'|empty"},
    {"a,b\n1,2\n3,4x\n", 3, "'4x'|column 'b'|not a finite number"},
    {"a,b\n1,two\n", 2, "'two'|column 'b'|not a finite number"},
    {"a,b\n1,2 3\n", 2, "'2 3'|column 'b'|not a finite number"},
    {"a,b\n1,2\n3\n", 3, "1 cells|2 columns"},
    {"a,b\n1,2\n3,4,5\n", 3, "3 cells|2 columns"},
    {"a,b\n1,2\n3,4,\n", 3, "3 cells|2 columns"},
    {"a;b\n1;2\n", 2, "'1;2'|not a finite number"},
    {"a,b\n", 1, "no rows"},
    {"a,b", 1, "no rows"},
    {"a,b\n\n\n", 1, "no rows"},
    {"", 1, "no header"},
    {"\xef\xbb\xbf", 1, "no header"},
    {"\na,b\n1,2\n", 1, "no header"},
    {"1,2\n3,4\n", 1, "column 1|'1'|name the columns"},
    {"a,,c\n1,2,3\n", 1, "column 2|name the columns"},
    {"a,b,\n1,2,3\n", 1, "column 3|name the columns"},
    {"a,b\n1,2\n3,nan\n", 3, "'nan'|column 'b'|not a finite number"},
    {"a,b\nNaN,2\n", 2, "'NaN'|column 'a'|not a finite number"},
    {"a,b\n1,2\n3,inf\n", 3, "'inf'|column 'b'|not a finite number"},
    {"a,b\n1,-Infinity\n", 2, "'-Infinity'|column 'b'|not a finite number"},
    {"a,b\n1,1e999\n", 2, "'1e999'|column 'b'|not a finite number"},
    {"a,b,a\n1,2,3\n", 1, "two columns|'a'"},
    {"a, \"a\"\n1,2\n", 1, "two columns|'a'"},
    {"a,b\n1,2\n\n3,4\n", 3, "blank line"},
    {"a,b\r\n1,2\r\n\r\n \r\n3,4\r\n", 3, "blank line"},
    {"\xef\xbb\xbf"
     "a,b\r\n1,2\r\n3,x\r\n",
     3, "'x'|column 'b'|not a finite number"},
};

START_TEST(refused_with_line_and_reason)
{
  const struct bad_file *bad = &bad_files[_i];
  char *file = models_file(bad->text), *place = sde_format("%s:%zu", file, bad->line);
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(data_table_read(file, &status));
  models_assert_refused(&status, place, bad->words);
  sde_free(place);
  models_file_remove(file);
}
END_TEST

START_TEST(missing_file)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(data_table_read("no/such/file.csv", &status));
  models_assert_refused(&status, "no/such/file.csv", "cannot be opened|No such file");
}
END_TEST

START_TEST(directory)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(data_table_read("data", &status));
  models_assert_refused(&status, "data", "not a regular file");
}
END_TEST

/* The same table in other dress; rows stand at the lines given. */
struct good_file {
  const char *text;
  size_t lines[2];
};

static const struct good_file good_files[] = {
    {"a,b c\n1,-2.5\n3e2,0\n", {2, 3}},
    {"a,b c\n1,-2.5\n3e2,0", {2, 3}},
    {"a,b c\r\n1,-2.5\r\n3e2,0\r\n", {2, 3}},
    {"\xef\xbb\xbf"
     "a,b c\n1,-2.5\n3e2,0\n",
     {2, 3}},
    {"\xef\xbb\xbf\"a\",\"b c\"\r\n1,-2.5\r\n3e2,0\r\n", {2, 3}},
    {"\"a\",\"b c\"\n\"1\",-2.5\n3e2,0\n", {2, 3}},
    {" a ,\tb c\n 1 , -2.5\n+300,-0\n", {2, 3}},
    {"a,b c\n1,-2.5\n3e2,0\n\n\n", {2, 3}},
    {"a,b c\n1,-2.5\n3e2,0\n\r\n   \n", {2, 3}},
};

START_TEST(accepted_in_any_dress)
{
  char *file = models_file(good_files[_i].text);
  struct sde_status status = {SDE_OK, ""};
  struct data_table *table = data_table_read(file, &status);
  ck_assert_msg(table != NULL, "%s", status.message);
  ck_assert_str_eq(table->file, file);
  ck_assert_uint_eq(table->rows, 2);
  ck_assert_uint_eq(table->columns, 2);
  ck_assert_str_eq(table->name[0], "a");
  ck_assert_str_eq(table->name[1], "b c");
  static const double values[] = {1, -2.5, 300, 0};
  for (size_t i = 0; i < 4; i++)
    ck_assert(table->values[i] == values[i]);
  for (size_t row = 0; row < 2; row++)
    ck_assert_uint_eq(table->line[row], good_files[_i].lines[row]);
  ck_assert_uint_eq(data_table_column(table, "a"), 0);
  ck_assert_uint_eq(data_table_column(table, "b c"), 1);
  ck_assert_uint_eq(data_table_column(table, "b"), 2);
  data_table_free(table);
  models_file_remove(file);
}
END_TEST

/* Enough rows to outgrow any first allocation. */
START_TEST(long_files_keep_every_row)
{
  enum { ROWS = 3000 };
  char *text = sde_alloc(ROWS + 1, 32), *end = text + sprintf(text, "i,square\n");
  for (int i = 0; i < ROWS; i++)
    end += sprintf(end, "%d,%d\n", i, i * i);
  char *file = models_file(text);
  struct sde_status status = {SDE_OK, ""};
  struct data_table *table = data_table_read(file, &status);
  ck_assert_msg(table != NULL, "%s", status.message);
  ck_assert_uint_eq(table->rows, ROWS);
  size_t wrong = 0;
  for (size_t i = 0; i < ROWS; i++)
    wrong += table->values[2 * i] != (double)i || table->values[2 * i + 1] != (double)(i * i) ||
             table->line[i] != i + 2;
  ck_assert_uint_eq(wrong, 0);
  data_table_free(table);
  models_file_remove(file);
  sde_free(text);
}
END_TEST

struct shipped {
  const char *file;
  size_t rows, columns;
};

static const struct shipped shipped_files[] = {{"data/iris.csv", 150, 5},
                                               {"data/breast_cancer.csv", 569, 31},
                                               {"data/diabetes.csv", 442, 11},
                                               {"data/quadratic4.csv", 4, 6}};

START_TEST(shipped_data_is_whole)
{
  struct sde_status status = {SDE_OK, ""};
  struct data_table *table = data_table_read(shipped_files[_i].file, &status);
  ck_assert_msg(table != NULL, "%s", status.message);
  ck_assert_uint_eq(table->rows, shipped_files[_i].rows);
  ck_assert_uint_eq(table->columns, shipped_files[_i].columns);
  data_table_free(table);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("data");
  TCase *tests = testing_case(suite, "CSV");
  tcase_add_loop_test(tests, refused_with_line_and_reason, 0, sizeof bad_files / sizeof *bad_files);
  tcase_add_test(tests, missing_file);
  tcase_add_test(tests, directory);
  tcase_add_loop_test(tests, accepted_in_any_dress, 0, sizeof good_files / sizeof *good_files);
  tcase_add_test(tests, long_files_keep_every_row);
  tcase_add_loop_test(tests, shipped_data_is_whole, 0,
                      sizeof shipped_files / sizeof *shipped_files);
  return testing_run(suite);
}
