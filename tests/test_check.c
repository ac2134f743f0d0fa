/*
 * The command `check` on large data: it says the memory of the run within a factor of 2, and takes
 * no more itself. SHARPSDE names the binary, default build/sharpsde.
 */
#define _DEFAULT_SOURCE /* wait4 */
#include "sde/status.h"
#include "tests/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sanitizer's own memory is many times the program's. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static char folder[] = "/tmp/sharpsde-check-XXXXXX";

static void make_folder(void)
{
  strcpy(folder, "/tmp/sharpsde-check-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
  char *command = sde_format("rm -rf %s", folder);
  ck_assert_int_eq(system(command), 0);
  sde_free(command);
}

/* Rows of features and a target of 0 and 1, as `d.csv`. */
static void write_data(size_t rows, size_t features)
{
  char *path = sde_format("%s/d.csv", folder);
  FILE *csv = fopen(path, "w");
  ck_assert_ptr_nonnull(csv);
  for (size_t j = 0; j < features; j++)
    fprintf(csv, "c%zu,", j);
  fprintf(csv, "y\n");
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < features; j++)
      fprintf(csv, "%zu,", (i * i * (j + 3) + 7919 * i * (j * j + 1) + 104729 * j) % 997);
    fprintf(csv, "%zu\n", i % 2);
  }
  ck_assert_int_eq(fclose(csv), 0);
  sde_free(path);
}

static void write_recipe(const char *loss)
{
  char *path = sde_format("%s/r.yaml", folder);
  FILE *recipe = fopen(path, "w");
  ck_assert_ptr_nonnull(recipe);
  fprintf(recipe,
          "study: compare\nloss: {name: %s, data: d.csv, target: y}\nbatch: 8\neta: 0.01\n"
          "rho: 0.05\ntime: 0.02\noptimizers: [{name: m-usam, micro_batch: 4}]\npaths: 16\n"
          "sde: {substeps: 1}\nrecords: 1\n",
          loss);
  ck_assert_int_eq(fclose(recipe), 0);
  sde_free(path);
}

/* Megabytes that the command takes at most, without a drawing program; its output is in `said`. */
static double megabytes(const char *const *words)
{
  fflush(NULL);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    int said = chdir(folder) == 0 ? open("said", O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (said >= 0 && dup2(said, STDOUT_FILENO) >= 0 && dup2(said, STDERR_FILENO) >= 0 &&
        setenv("PATH", "/none", 1) == 0 && setenv("OMP_NUM_THREADS", "2", 1) == 0)
      execv(words[0], (char *const *)words);
    _exit(127);
  }
  int status;
  struct rusage usage;
  ck_assert_int_eq(wait4(child, &status, 0, &usage), child);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s %s ended with %d; see %s/said",
                words[0], words[1], status, folder);
  return 1.024e-3 * (double)usage.ru_maxrss;
}

static double said_megabytes(void)
{
  char *path = sde_format("%s/said", folder), line[4096];
  FILE *said = fopen(path, "r");
  double found = 0;
  ck_assert_ptr_nonnull(said);
  while (fgets(line, sizeof line, said) != NULL) {
    const char *about = strstr(line, "threads, about ");
    if (about != NULL)
      ck_assert_int_eq(sscanf(about, "threads, about %lf MB of memory", &found), 1);
  }
  fclose(said);
  sde_free(path);
  return found;
}

static char *program(void)
{
  const char *named = getenv("SHARPSDE");
  char *path = realpath(named == NULL ? "build/sharpsde" : named, NULL);
  ck_assert_ptr_nonnull(path);
  return path;
}

/* Many rows, many columns, and many rows of not a few columns; little at the end. */
static const struct {
  const char *loss;
  size_t rows, features;
} sizes[] = {{"logistic", 200000, 3},
             {"linear-regression", 100, 5000},
             {"logistic", 5000, 80},
             {"linear-regression", 300, 150},
             {"linear-regression", 20, 2}};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(memory_is_said_within_a_factor_of_2)
{
  char *path = program();
  write_data(sizes[_i].rows, sizes[_i].features);
  write_recipe(sizes[_i].loss);
  double check = megabytes((const char *const[]){path, "check", "r.yaml", NULL});
  double said = said_megabytes();
  double run = megabytes((const char *const[]){path, "run", "r.yaml", "-o", "o", "--quiet", NULL});
  free(path);
  ck_assert_double_gt(said, 0);
  if (!SANITIZED) {
    ck_assert_msg(said < 2 * run && run < 2 * said, "said %g MB, took %g", said, run);
    ck_assert_msg(check < 1.25 * run, "check took %g MB, the run %g", check, run);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("check");
  TCase *check = testing_case(suite, "memory");
  tcase_add_checked_fixture(check, make_folder, remove_folder);
  tcase_add_loop_test(check, memory_is_said_within_a_factor_of_2, 0, SIZES);
  return testing_run(suite);
}
