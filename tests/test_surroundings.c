/*
 * Tests of what a program finds around it: quotas of processor time (command/threads), texts that
 * are no UTF-8 (io/text, io/json), directories made and taken away again (io/directory).
 */
#include "experiments/command/threads.h"
#include "experiments/io/directory.h"
#include "experiments/io/json.h"
#include "experiments/io/text.h"
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/sharpsde-surroundings-XXXXXX";

static void begin(void)
{
  strcpy(strrchr(root, '-'), "-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(root));
}

static void end(void)
{
  char *remove_all = sde_format("rm -r %s", root);
  ck_assert_int_eq(system(remove_all), 0);
  sde_free(remove_all);
}

/* A file below the root, with its folders. */
static void put(const char *name, const char *text)
{
  struct sde_status status = {SDE_OK, ""};
  char *path = sde_format("%s/%s", root, name);
  char *folder = sde_format("%.*s", (int)(strrchr(path, '/') - path), path);
  ck_assert(directory_make(folder, NULL, &status));
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  fclose(file);
  sde_free(folder);
  sde_free(path);
}

static const struct {
  const char *groups, *file[2][2];
  int processors;
} quotas[] = {
    {"0::/\n", {{"cpu.max", "max 100000\n"}}, 0},
    {"0::/\n", {{"cpu.max", "150000 100000\n"}}, 2},
    {"0::/\n", {{"cpu.max", "300000 100000\n"}}, 3},
    {"0::/\n", {{"cpu.max", "1000 100000\n"}}, 1},
    {"0::/\n", {{"cpu.max", "nonsense\n"}}, 0},
    {"0::/\n", {{NULL, NULL}}, 0},
    {"0::/a/b\n", {{"a/b/cpu.max", "max 100000\n"}, {"a/cpu.max", "400000 100000\n"}}, 4},
    {"0::/a/b\n", {{"a/b/cpu.max", "200000 100000\n"}, {"a/cpu.max", "400000 100000\n"}}, 2},
    {"0::/a/b\n", {{"cpu.max", "500000 100000\n"}, {"a/b/c/cpu.max", "100000 100000\n"}}, 5},
    {"4:cpu,cpuacct:/d\n",
     {{"cpu/d/cpu.cfs_quota_us", "250000\n"}, {"cpu/d/cpu.cfs_period_us", "100000\n"}},
     3},
    {"4:cpuacct,cpu:/d\n0::/\n",
     {{"cpu/cpu.cfs_quota_us", "50000\n"}, {"cpu/cpu.cfs_period_us", "25000\n"}},
     2},
    {"4:cpu:/\n", {{"cpu/cpu.cfs_quota_us", "-1\n"}, {"cpu/cpu.cfs_period_us", "100000\n"}}, 0},
    {"4:cpuset:/\n",
     {{"cpu/cpu.cfs_quota_us", "50000\n"}, {"cpu/cpu.cfs_period_us", "25000\n"}},
     0},
};

START_TEST(a_quota_is_that_of_the_groups_above)
{
  put("proc/self/cgroup", quotas[_i].groups);
  for (size_t f = 0; f < 2 && quotas[_i].file[f][0] != NULL; f++) {
    char *name = sde_format("sys/fs/cgroup/%s", quotas[_i].file[f][0]);
    put(name, quotas[_i].file[f][1]);
    sde_free(name);
  }
  ck_assert_int_eq(threads_quota(root), quotas[_i].processors);
}
END_TEST

START_TEST(without_groups_there_is_no_quota)
{
  ck_assert_int_eq(threads_quota(root), 0);
}
END_TEST

static const char *const texts[][2] = {
    {"", ""},
    {"plain, \xCF\x81 and \xE2\x88\x87", "plain, \xCF\x81 and \xE2\x88\x87"},
    {"r\xFF.yaml", "r\xEF\xBF\xBD.yaml"},
    {"\xFF\xFE", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"cut \xE2\x88", "cut \xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"a\nb\tc", "a\nb\tc"},
    {"\x01", "\xEF\xBF\xBD"}};

/* jansson itself gives nothing for the same bytes: the twin. */
START_TEST(any_text_is_json)
{
  char *clean = text_utf8(texts[_i][0]);
  json_t *value = json_text(texts[_i][0]);
  ck_assert_str_eq(clean, texts[_i][1]);
  ck_assert_str_eq(json_string_value(value), texts[_i][1]);
  json_t *bare = json_string(texts[_i][0]);
  ck_assert(bare != NULL || strcmp(texts[_i][0], texts[_i][1]) != 0);
  json_decref(bare);
  json_decref(value);
  sde_free(clean);
}
END_TEST

static bool is_there(const char *path)
{
  struct stat about;
  return stat(path, &about) == 0;
}

START_TEST(what_was_made_goes_and_nothing_else)
{
  struct sde_status status = {SDE_OK, ""};
  struct directory_made made = {0};
  put("mine/file", "");
  char *deep = sde_format("%s/mine/a//b/c/", root), *mine = sde_format("%s/mine", root);
  char *first = sde_format("%s/mine/a", root);
  ck_assert(directory_make(deep, &made, &status));
  ck_assert(is_there(deep));
  directory_unmake(&made);
  ck_assert(!is_there(first));
  ck_assert(is_there(mine));
  ck_assert(directory_make(mine, &made, &status)); /* makes nothing */
  directory_unmake(&made);
  ck_assert(is_there(mine));
  ck_assert(directory_make(deep, &made, &status));
  put("mine/a/file", "");
  directory_unmake(&made);
  ck_assert(is_there(first));
  ck_assert(!is_there(deep));
  sde_free(first);
  sde_free(mine);
  sde_free(deep);
}
END_TEST

START_TEST(below_a_file_nothing_is_made)
{
  struct sde_status status = {SDE_OK, ""};
  put("file", "");
  char *below = sde_format("%s/new/../file/below", root), *made = sde_format("%s/new", root);
  ck_assert(!directory_make(below, NULL, &status));
  ck_assert_int_eq(status.code, SDE_INVALID);
  ck_assert_ptr_nonnull(strstr(status.message, "file: is not a directory"));
  ck_assert(!is_there(made));
  sde_free(made);
  sde_free(below);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("surroundings");
  TCase *cases = testing_case(suite, "all");
  tcase_add_checked_fixture(cases, begin, end);
  tcase_add_loop_test(cases, a_quota_is_that_of_the_groups_above, 0,
                      sizeof quotas / sizeof *quotas);
  tcase_add_test(cases, without_groups_there_is_no_quota);
  tcase_add_loop_test(cases, any_text_is_json, 0, sizeof texts / sizeof *texts);
  tcase_add_test(cases, what_was_made_goes_and_nothing_else);
  tcase_add_test(cases, below_a_file_nothing_is_made);
  return testing_run(suite);
}
