/*
 * Tests of sde/status: the first failure wins, memory is zeroed, aligned and never NULL.
 */
#include "sde/status.h"

#include "tests/testing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(codes_are_the_exit_statuses)
{
  ck_assert_int_eq(SDE_OK, 0);
  ck_assert_int_eq(SDE_FAILED, 1);
  ck_assert_int_eq(SDE_INVALID, 2);
}
END_TEST

START_TEST(first_failure_wins)
{
  struct sde_status status = {0};
  ck_assert_int_eq(status.code, SDE_OK);
  ck_assert(!sde_fail(&status, SDE_INVALID, "%s:%d: %s", "a.yaml", 7, "no such key"));
  ck_assert_int_eq(status.code, SDE_INVALID);
  ck_assert_str_eq(status.message, "a.yaml:7: no such key");
  ck_assert(!sde_fail(&status, SDE_FAILED, "later"));
  ck_assert_int_eq(status.code, SDE_INVALID);
  ck_assert_str_eq(status.message, "a.yaml:7: no such key");
}
END_TEST

START_TEST(long_sentence_is_cut_not_overrun)
{
  struct {
    struct sde_status status;
    char after;
  } guarded = {.after = 'x'};
  char text[3000];
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  sde_fail(&guarded.status, SDE_FAILED, "%s", text);
  ck_assert_uint_eq(strlen(guarded.status.message), sizeof guarded.status.message - 1);
  ck_assert_int_eq(strncmp(guarded.status.message, text, sizeof guarded.status.message - 1), 0);
  ck_assert_int_eq(guarded.after, 'x');
}
END_TEST

/* Dirty memory is given back first, so that zeros are not there by luck. */
START_TEST(memory_is_zeroed_and_aligned)
{
  static const size_t counts[] = {0, 1, 7, 63, 64, 65, 1000, 4097};
  static const size_t sizes[] = {0, 1, 3, 8, 24};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
      size_t bytes = counts[i] * sizes[j], dirt = 0;
      unsigned char *dirty = sde_alloc(counts[i], sizes[j]);
      memset(dirty, 0xff, bytes);
      sde_free(dirty);
      unsigned char *memory = sde_alloc(counts[i], sizes[j]);
      for (size_t k = 0; k < bytes; k++)
        dirt += memory[k] != 0;
      ck_assert_uint_eq(dirt, 0);
      ck_assert_uint_eq((uintptr_t)memory % 64, 0);
      sde_free(memory);
    }
  sde_free(NULL);
}
END_TEST

/* Each is too much: the product overflows, the rounding up to 64 would, or no machine has it. */
static const size_t too_much[][2] = {
    {SIZE_MAX / 8 + 2, 8}, {SIZE_MAX, SIZE_MAX}, {SIZE_MAX, 1},
    {SIZE_MAX / 64, 64},   {1, SIZE_MAX},        {(size_t)1 << 61, 2},
};
enum { TOO_MUCH = sizeof too_much / sizeof *too_much, OVERFLOWS = TOO_MUCH - 1 };

/* Runs in its own child, so that the sentence can be read also where Check does not fork. */
static int asking_for(const size_t *request, size_t size, char *sentence)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    sde_free(sde_alloc(request[0], request[1]));
    _exit(99);
  }
  close(ends[1]);
  size_t length = 0;
  for (ssize_t got = 1; got > 0 && length < size - 1; length += (size_t)got) {
    got = read(ends[0], sentence + length, size - 1 - length);
    ck_assert_int_ge(got, 0);
  }
  sentence[length] = '\0';
  close(ends[0]);
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(too_much_memory_ends_with_a_sentence_and_status_1)
{
  char sentence[4096];
  ck_assert_int_eq(asking_for(too_much[_i], sizeof sentence, sentence), 1);
  ck_assert_uint_gt(strlen(sentence), 0);
  /* An address sanitizer speaks before aligned_alloc can return NULL, of what does not overflow. */
  if (_i < OVERFLOWS)
    ck_assert_ptr_eq(strstr(sentence, "sharpsde: out of memory: "), sentence);
}
END_TEST

START_TEST(strings_are_copies)
{
  char text[] = "rho";
  char *copy = sde_strdup(text), *empty = sde_strdup("");
  text[0] = 'x';
  ck_assert_str_eq(copy, "rho");
  ck_assert_str_eq(empty, "");
  sde_free(copy);
  sde_free(empty);
}
END_TEST

START_TEST(format_has_no_longest_string)
{
  char *short_one = sde_format("%s m=%d", "m-usam", 2), *none = sde_format("%s", "");
  char *long_one = sde_format("%5000d|", 1);
  ck_assert_str_eq(short_one, "m-usam m=2");
  ck_assert_str_eq(none, "");
  ck_assert_uint_eq(strlen(long_one), 5001);
  ck_assert_str_eq(long_one + 4999, "1|");
  sde_free(short_one);
  sde_free(none);
  sde_free(long_one);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("status");
  TCase *status = testing_case(suite, "status");
  tcase_add_test(status, codes_are_the_exit_statuses);
  tcase_add_test(status, first_failure_wins);
  tcase_add_test(status, long_sentence_is_cut_not_overrun);
  TCase *memory = testing_case(suite, "memory");
  tcase_add_test(memory, memory_is_zeroed_and_aligned);
  tcase_add_loop_test(memory, too_much_memory_ends_with_a_sentence_and_status_1, 0, TOO_MUCH);
  TCase *strings = testing_case(suite, "strings");
  tcase_add_test(strings, strings_are_copies);
  tcase_add_test(strings, format_has_no_longest_string);
  return testing_run(suite);
}
