/*
 * Data: what the CSV reader accepts, and the sentence, with its line, for all it refuses.
 */
#include "models/data.h"
#include "tests/models_testing.h"
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
    {"a;b\n1;2\n", 1, "separated by semicolons|separated by commas|`separator: semicolon`"},
    {"a;b;y\n1,5;2;3\n", 1, "semicolons|`separator: semicolon`|`decimal: comma`"},
    {"a\tb\n1.5\t2\n", 1, "separated by tabs|`separator: tab`"},
    {"x (m, s);b;c\n1;2;3\n", 1, "separated by semicolons"},
    {"a,b\n\"1,5\",2\n", 2, "'1,5'|column 'a'|`decimal: comma` reads it as 1.5"},
    {"a,b\n1,0x10\n", 2, "'0x10'|column 'b'|not a finite number|hexadecimal"},
    {"a,b\n1,-0X1p3\n", 2, "'-0X1p3'|column 'b'|hexadecimal"},
    {"a,b\n1,1e-999\n", 2, "'1e-999'|column 'b'|not a finite number"},
    {"a,b\n1,NA\n", 2, "'NA'|column 'b'|`missing: drop`"},
    {"a,b\n1,\n", 2, "column 'b'|empty|`missing: drop`"},
    {"a,b\n\"1,2\n3,4\n", 2, "a quote opens a cell and none closes it"},
    {"a,b\n1,\"2\"3\n", 2, "text follows the closing quote"},
    {"\"a\nb\",c\n1,2\n", 1, "column 1|line end"},
    {"a,b\r1,2\r3,x\r", 3, "'x'|column 'b'|not a finite number"},
    {"a,b\n\"1\n\",2\n\n3,4\n", 2, "column 'a'|not a finite number"},
    {"\xff\xfe"
     "a",
     1, "UTF-16"},
    {"\"\"\n1\n", 1, "column 1|name the columns"},
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

START_TEST(no_regular_file)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(data_table_read("data", &status));
  models_assert_refused(&status, "data", "a directory, not a regular file");
  status = (struct sde_status){SDE_OK, ""};
  ck_assert_ptr_null(data_table_read("/dev/null", &status));
  models_assert_refused(&status, "/dev/null", "a device, not a regular file");
  char *pipe = models_file("");
  remove(pipe);
  ck_assert_int_eq(mkfifo(pipe, 0600), 0);
  status = (struct sde_status){SDE_OK, ""};
  ck_assert_ptr_null(data_table_read(pipe, &status)); /* and does not wait for a writer */
  models_assert_refused(&status, pipe, "a pipe, not a regular file");
  models_file_remove(pipe);
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
    {"a,b c\r1,-2.5\r3e2,0\r", {2, 3}},
    {"a,b c\r1,-2.5\r3e2,0", {2, 3}},
    {"\xef\xbb\xbf\"a\",b c\r1,-2.5\r300.0,-0.0\r\r", {2, 3}},
    {",a,b c\n0,1,-2.5\n1,3e2,0\n", {2, 3}},
    {"\"\",\"a\",\"b c\"\n\"first\",1,-2.5\n\"second, last\",3e2,0\n", {2, 3}},
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

/* Tables in other formats, of which two columns are read; the others may hold anything. */
static const struct formatted {
  const char *text;
  struct data_format format;
  const char *name[2];
  double values[4];
  size_t lines[2];
  const char *dropped; /* words of the sentence, or NULL */
} formatted_files[] = {
    {"a;b\n1,5;-2\n3;4e1\n", {';', ',', false, NULL}, {"a", "b"}, {1.5, -2, 3, 40}, {2, 3}, NULL},
    {"a;b\n1.5;-2\n3;4\n", {';', 0, false, NULL}, {"a", "b"}, {1.5, -2, 3, 4}, {2, 3}, NULL},
    {"a\tb c\n1.5\t-2\n 3 \t4\n",
     {'\t', '.', false, NULL},
     {"a", "b c"},
     {1.5, -2, 3, 4},
     {2, 3},
     NULL},
    {"a,b\n\"1,5\",2\n\"0,25\",4\n",
     {',', ',', false, NULL},
     {"a", "b"},
     {1.5, 2, 0.25, 4},
     {2, 3},
     NULL},
    {"\"length, cm\",b,y\n1,2,3\n4,5,6\n", {0}, {"length, cm", "y"}, {1, 3, 4, 6}, {2, 3}, NULL},
    {"\"5\"\" disk\",b\n1,2\n3,4\n", {0}, {"5\" disk", "b"}, {1, 2, 3, 4}, {2, 3}, NULL},
    {"a,note,b\n1,\"two\nlines, and a \"\"quote\"\"\",2\n3,,4\n",
     {0},
     {"a", "b"},
     {1, 2, 3, 4},
     {2, 4},
     NULL},
    {"b;x;a\n1;one;2\n3;NA;4\n", {';', 0, true, NULL}, {"a", "b"}, {2, 1, 4, 3}, {2, 3}, NULL},
    {"a;b,c\n1,2\n3,4\n", {',', 0, false, NULL}, {"a;b", "c"}, {1, 2, 3, 4}, {2, 3}, NULL},
    {"a,b\n1,2\n,7\nNA,8\n3,4\n5,nan\n",
     {0, 0, true, NULL},
     {"a", "b"},
     {1, 2, 3, 4},
     {2, 5},
     "3 of 5 rows|line 3|'a'"},
    {"a,b,c\n1,2,\n3,4,None\n5,null,6\n",
     {0, 0, true, NULL},
     {"a", "b"},
     {1, 2, 3, 4},
     {2, 3},
     "1 of 3 rows|line 4|'b'"},
};
enum { FORMATTED = sizeof formatted_files / sizeof *formatted_files };

START_TEST(read_as_it_is_said_to_be_written)
{
  const struct formatted *c = &formatted_files[_i];
  char *path = models_file(c->text);
  struct sde_status status = {SDE_OK, ""};
  struct data_file *data = data_file_open(path, &c->format, &status);
  ck_assert_msg(data != NULL, "%s", status.message);
  struct data_wanted wanted[2] = {{.column = data_file_column(data, c->name[0])},
                                  {.column = data_file_column(data, c->name[1])}};
  for (size_t k = 0; k < 2; k++)
    ck_assert_uint_lt(wanted[k].column, data_file_columns(data));
  struct data_table *table = data_file_read(data, 2, wanted, &status);
  ck_assert_msg(table != NULL, "%s", status.message);
  ck_assert_uint_eq(table->rows, 2);
  for (size_t i = 0; i < 4; i++)
    ck_assert(table->values[i] == c->values[i]);
  for (size_t i = 0; i < 2; i++)
    ck_assert_uint_eq(table->line[i], c->lines[i]);
  ck_assert_int_eq(table->dropped == NULL, c->dropped == NULL);
  if (c->dropped != NULL) {
    const char *name = strrchr(path, '/') + 1;
    struct sde_status said = {SDE_INVALID, ""};
    snprintf(said.message, sizeof said.message, "%s", table->dropped);
    models_assert_refused(&said, name, c->dropped);
  }
  data_table_free(table);
  data_file_close(data);
  models_file_remove(path);
}
END_TEST

/* What a file is said to be and is not. */
static const struct {
  const char *text;
  struct data_format format;
  size_t line;
  const char *words;
} misread_files[] = {
    {"a;b\n1.5;2\n",
     {';', ',', false, NULL},
     2,
     "'1.5'|column 'a'|`decimal: point` reads it as 1.5"},
    {"a;b\n1.234,5;2\n", {';', ',', false, NULL}, 2, "'1.234,5'|column 'a'|not a finite number"},
    {"a;b\n1,2,3;2\n", {';', ',', false, NULL}, 2, "'1,2,3'|not a finite number"},
    {"a;b\n1,5;2\n", {';', 0, false, NULL}, 2, "'1,5'|`decimal: comma` reads it as 1.5"},
    {"a,b\n1,2\n",
     {'\t', 0, false, NULL},
     1,
     "separated by commas|separated by tabs|`separator: comma`"},
    {"a\tb\n1\t2\n", {';', 0, false, NULL}, 1, "separated by tabs|`separator: tab`"},
    {"a,b\n,2\n1,NA\n", {0, 0, true, NULL}, 0, "missing in all 2 rows"},
    {"a,b\n1,2\n3,inf\n", {0, 0, true, NULL}, 3, "'inf'|not a finite number"},
};
enum { MISREAD = sizeof misread_files / sizeof *misread_files };

START_TEST(not_read_as_something_else)
{
  char *file = models_file(misread_files[_i].text);
  char *place = misread_files[_i].line == 0 ? sde_strdup(file)
                                            : sde_format("%s:%zu", file, misread_files[_i].line);
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(data_table_read_as(file, &misread_files[_i].format, &status));
  models_assert_refused(&status, place, misread_files[_i].words);
  sde_free(place);
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
  tcase_add_test(tests, no_regular_file);
  tcase_add_loop_test(tests, accepted_in_any_dress, 0, sizeof good_files / sizeof *good_files);
  tcase_add_loop_test(tests, read_as_it_is_said_to_be_written, 0, FORMATTED);
  tcase_add_loop_test(tests, not_read_as_something_else, 0, MISREAD);
  tcase_add_test(tests, long_files_keep_every_row);
  tcase_add_loop_test(tests, shipped_data_is_whole, 0,
                      sizeof shipped_files / sizeof *shipped_files);
  return testing_run(suite);
}
