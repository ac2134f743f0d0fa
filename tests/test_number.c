/*
 * Numbers as text: what is read as one and what is not, to the last bit, and that reading and
 * messages are the same under a locale with a decimal comma.
 */
#include "sde/block.h"
#include "sde/number.h"
#include "sde/random.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *text;
  double value;
} numbers[] = {{"0", 0},
               {"-0", 0},
               {"+7", 7},
               {"-2.5", -2.5},
               {".5", 0.5},
               {"5.", 5},
               {"1e3", 1000},
               {"1E+3", 1000},
               {"25e-2", 0.25},
               {"0.1", 0.1},
               {"0.30000000000000004", 0.1 + 0.2},
               {"9007199254740993", 9007199254740992.0},
               {"9007199254740993.0000000000000000000000000000000001", 9007199254740994.0},
               {"1e23", 1e23},
               {"8.41e21", 8.41e21},
               {"1.7976931348623157e308", 1.7976931348623157e308},
               {"4.9406564584124654e-324", 0x1p-1074},
               {"0e999999999999999999999", 0},
               {"00000000000000000000000000000001", 1},
               {"0.00000000000000000000000000000000000000001e41", 1}};

START_TEST(numbers_are_read_to_the_last_bit)
{
  double value;
  ck_assert(sde_number_read(strlen(numbers[_i].text), numbers[_i].text, &value));
  ck_assert_msg(value == numbers[_i].value && !signbit(value) == !(numbers[_i].value < 0),
                "%s was read as %.17g", numbers[_i].text, value);
}
END_TEST

static const char *const others[] = {"",     "-",        "+",     ".",      "-.",     "e5",   "1e",
                                     "1e+",  "1.2.3",    "0x10",  "0X1p3",  "nan",    "NaN",  "inf",
                                     "-inf", "1,5",      "1 ",    " 1",     "1_000",  "1e5.", "--1",
                                     "1f",   "infinity", "1e999", "-1e309", "1e-400", "1d5"};

START_TEST(others_are_refused)
{
  double value;
  ck_assert_msg(!sde_number_read(strlen(others[_i]), others[_i], &value), "%s", others[_i]);
}
END_TEST

/* The number ends before the text does. */
START_TEST(a_part_of_a_text_is_read)
{
  double value;
  ck_assert(sde_number_read(3, "2.5*x", &value));
  ck_assert(value == 2.5);
}
END_TEST

/* Shortest and long decimals of random doubles, of the size of data and of any size. */
START_TEST(as_the_c_library_reads_them)
{
  size_t wrong = 0;
  for (uint64_t i = 0; i < 200000; i++) {
    double normal[SDE_UNIT], value;
    char text[64];
    sde_random_normals(&(struct sde_address){{3, 1}, 0, i}, SDE_UNIT, 1, normal);
    double scaled = i % 2 == 0 ? normal[0] : ldexp(normal[0], (int)(i % 2000) - 1000);
    snprintf(text, sizeof text, "%.*g", 1 + (int)(i % 20), scaled);
    wrong += !sde_number_read(strlen(text), text, &value) || value != strtod(text, NULL);
  }
  ck_assert_uint_eq(wrong, 0);
}
END_TEST

/* German numbers, from the system or made here; false where neither is possible. */
static bool set_comma_locale(void)
{
  static const char name[] = "de_DE.UTF-8";
  char folder[] = "/tmp/test_number_XXXXXX";
  if (setlocale(LC_ALL, name) != NULL)
    return true;
  ck_assert_ptr_nonnull(mkdtemp(folder));
  char *make = sde_format("localedef -i de_DE -f UTF-8 %s/%s >/dev/null 2>&1", folder, name);
  char *remove = sde_format("rm -r %s", folder);
  setenv("LOCPATH", folder, 1);
  bool made = system(make) == 0 && setlocale(LC_ALL, name) != NULL;
  ck_assert_int_eq(system(remove), 0);
  sde_free(make);
  sde_free(remove);
  return made;
}

/* The twin: the C library reads "2.5" as 2 there, and writes 2.5 as "2,5". */
START_TEST(a_locale_changes_nothing)
{
  if (!set_comma_locale()) {
    fprintf(stderr, "no locale with a decimal comma, and none can be made: not tested\n");
    return;
  }
  char twin[8];
  snprintf(twin, sizeof twin, "%.1f", 2.5);
  ck_assert_str_eq(twin, "2,5");
  ck_assert(strtod("2.5", NULL) == 2);
  double value;
  ck_assert(sde_number_read(3, "2.5", &value) && value == 2.5);
  ck_assert(sde_number_read(22, "2.50000000000000000001", &value) && value == 2.5);
  ck_assert(!sde_number_read(3, "2,5", &value));
  struct sde_status status = {SDE_OK, ""};
  sde_fail(&status, SDE_INVALID, "eta is %g", 0.5);
  ck_assert_str_eq(status.message, "eta is 0.5");
  char *text = sde_format("%.2f", 1.25);
  ck_assert_str_eq(text, "1.25");
  sde_free(text);
  snprintf(twin, sizeof twin, "%.1f", 2.5);
  ck_assert_str_eq(twin, "2,5"); /* the program's locale is as it was */
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("number");
  TCase *tests = testing_case(suite, "numbers");
  tcase_add_loop_test(tests, numbers_are_read_to_the_last_bit, 0, sizeof numbers / sizeof *numbers);
  tcase_add_loop_test(tests, others_are_refused, 0, sizeof others / sizeof *others);
  tcase_add_test(tests, a_part_of_a_text_is_read);
  tcase_add_test(tests, as_the_c_library_reads_them);
  tcase_add_test(tests, a_locale_changes_nothing);
  return testing_run(suite);
}
