/*
 * Tests of models/parameters: what was added is read back; a mistake of the program ends it.
 */
#include "models/parameters.h"

#include "tests/testing.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One value of each kind. */
static struct parameters *example(void)
{
  static const char *const names[] = {"loss", "x1"};
  static const char *const text[] = {"isotropic"};
  struct parameters *parameters = parameters_new();
  parameters_add_numbers(parameters, "count", 1, (double[]){0x1p53}, "r.yaml:1");
  parameters_add_numbers(parameters, "list", 3, (double[]){3, -0.5, 1e-300}, "r.yaml:2");
  parameters_add_numbers(parameters, "yes", 1, (double[]){1}, "default");
  parameters_add_numbers(parameters, "no", 1, (double[]){0}, "--set no");
  parameters_add_texts(parameters, "text", 1, text, "r.yaml:3");
  parameters_add_texts(parameters, "texts", 2, names, "r.yaml:4");
  parameters_add_matrix(parameters, "matrix", 2, 3, (double[]){1, 2, 3, 4, 5, 6}, "r.yaml:5");
  parameters_add_numbers(parameters, "empty", 0, NULL, "r.yaml:6");
  return parameters;
}

START_TEST(single_values)
{
  struct parameters *parameters = example();
  ck_assert_uint_eq(parameters_u64(parameters, "count"), UINT64_C(1) << 53);
  ck_assert(parameters_real(parameters, "count") == 0x1p53);
  ck_assert(parameters_bool(parameters, "yes"));
  ck_assert(!parameters_bool(parameters, "no"));
  ck_assert_str_eq(parameters_text(parameters, "text"), "isotropic");
  parameters_free(parameters);
}
END_TEST

START_TEST(lists)
{
  struct parameters *parameters = example();
  size_t length, rows, columns;
  const double *numbers = parameters_reals(parameters, "list", &length);
  ck_assert_uint_eq(length, 3);
  ck_assert(numbers[0] == 3 && numbers[1] == -0.5 && numbers[2] == 1e-300);
  ck_assert_uint_eq(parameters_count(parameters, "list"), 3);
  parameters_reals(parameters, "count", &length);
  ck_assert_uint_eq(length, 1);
  parameters_reals(parameters, "empty", &length);
  ck_assert_uint_eq(length, 0);
  const char *const *texts = parameters_texts(parameters, "texts", &length);
  ck_assert_uint_eq(length, 2);
  ck_assert_str_eq(texts[1], "x1");
  const double *matrix = parameters_matrix(parameters, "matrix", &rows, &columns);
  ck_assert_uint_eq(rows, 2);
  ck_assert_uint_eq(columns, 3);
  ck_assert(matrix[1 * 3 + 2] == 6);
  parameters_free(parameters);
}
END_TEST

START_TEST(places_and_presence)
{
  struct parameters *parameters = example();
  ck_assert(parameters_has(parameters, "matrix"));
  ck_assert(!parameters_has(parameters, "matri"));
  ck_assert_str_eq(parameters_place(parameters, "list"), "r.yaml:2");
  ck_assert_str_eq(parameters_place(parameters, "yes"), "default");
  ck_assert_str_eq(parameters_place(parameters, "no"), "--set no");
  ck_assert(parameters_given(parameters, "list") && parameters_given(parameters, "no"));
  ck_assert(!parameters_given(parameters, "yes") && !parameters_given(parameters, "matri"));
  parameters_free(parameters);
  parameters_free(NULL);
}
END_TEST

START_TEST(values_are_copied)
{
  char text[] = "before";
  const char *texts[] = {text};
  double number = 1;
  struct parameters *parameters = parameters_new();
  parameters_add_numbers(parameters, "number", 1, &number, text);
  parameters_add_texts(parameters, "text", 1, texts, text);
  number = 2;
  strcpy(text, "after");
  ck_assert(parameters_real(parameters, "number") == 1);
  ck_assert_str_eq(parameters_text(parameters, "text"), "before");
  ck_assert_str_eq(parameters_place(parameters, "number"), "before");
  parameters_free(parameters);
}
END_TEST

START_TEST(many_values)
{
  enum { MANY = 1000 };
  struct parameters *parameters = parameters_new();
  char name[16];
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "key%d", i);
    parameters_add_numbers(parameters, name, 1, &(double){i}, "default");
  }
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "key%d", i);
    ck_assert_uint_eq(parameters_u64(parameters, name), (uint64_t)i);
  }
  parameters_free(parameters);
}
END_TEST

/* Mistakes of the program, by number; false where there is no such. */
static bool make_mistake(int which)
{
  struct parameters *parameters = example();
  size_t length;
  switch (which) {
  case 0:
    return parameters_real(parameters, "nothing") == 0;
  case 1:
    return parameters_place(parameters, "nothing") != NULL;
  case 2:
    return parameters_real(parameters, "text") == 0;
  case 3:
    return parameters_text(parameters, "count") != NULL;
  case 4:
    return parameters_matrix(parameters, "list", &length, &length) != NULL;
  case 5:
    return parameters_reals(parameters, "matrix", &length) != NULL;
  case 6:
    return parameters_real(parameters, "list") == 0;
  case 7:
    return parameters_bool(parameters, "count");
  case 8:
    parameters_add_numbers(parameters, "negative", 1, (double[]){-1}, "default");
    return parameters_u64(parameters, "negative") == 0;
  case 9:
    parameters_add_numbers(parameters, "half", 1, (double[]){4.5}, "default");
    return parameters_u64(parameters, "half") == 4;
  case 10:
    parameters_add_numbers(parameters, "count", 1, (double[]){1}, "default");
    return true;
  default:
    parameters_free(parameters);
    return false;
  }
}

enum { MISTAKES = 11 };

START_TEST(mistakes_of_the_program_end_it)
{
  fflush(NULL);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    fclose(stderr);
    make_mistake(_i);
    _exit(EXIT_SUCCESS);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("parameters");
  TCase *values = testing_case(suite, "values");
  tcase_add_test(values, single_values);
  tcase_add_test(values, lists);
  tcase_add_test(values, places_and_presence);
  tcase_add_test(values, values_are_copied);
  tcase_add_test(values, many_values);
  TCase *mistakes = testing_case(suite, "mistakes");
  tcase_add_loop_test(mistakes, mistakes_of_the_program_end_it, 0, MISTAKES);
  return testing_run(suite);
}
