/*
 * Tests of paths.nc: read back by the netCDF library, its paths have the means that series.csv
 * gives, in the right places; the tables do not change with it; studies without it say so.
 */
#include "experiments/results/path_file.h"

#include "experiments/cases/unused.h"
#include "experiments/io/text.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <dirent.h>
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIMENSIONS = 4 };

/* One group of a file, read whole. */
struct group {
  size_t extent[DIMENSIONS]; /* process, path, time, observable */
  double *time, *value;
  char **process, **observable;
};

static void good(int error)
{
  ck_assert_msg(error == NC_NOERR, "%s", nc_strerror(error));
}

static char **strings(int group, const char *name, size_t count)
{
  int variable;
  char **texts = sde_alloc(count, sizeof *texts);
  good(nc_inq_varid(group, name, &variable));
  good(nc_get_var_string(group, variable, texts));
  return texts;
}

static struct group group_read(const char *file, const char *name)
{
  static const char *const names[] = {"process", "path", "time", "observable"};
  struct group group;
  int id, inside, variable, dimension[DIMENSIONS];
  good(nc_open(file, NC_NOWRITE, &id));
  good(nc_inq_ncid(id, name, &inside));
  good(nc_inq_varid(inside, "value", &variable));
  good(nc_inq_vardimid(inside, variable, dimension));
  for (size_t i = 0; i < DIMENSIONS; i++) {
    char found[NC_MAX_NAME + 1];
    good(nc_inq_dim(inside, dimension[i], found, &group.extent[i]));
    ck_assert_str_eq(found, names[i]);
  }
  group.time = sde_alloc(group.extent[2], sizeof(double));
  group.value = sde_alloc(group.extent[0] * group.extent[1] * group.extent[2],
                          group.extent[3] * sizeof(double));
  good(nc_get_var_double(inside, variable, group.value));
  good(nc_inq_varid(inside, "time", &variable));
  good(nc_get_var_double(inside, variable, group.time));
  group.process = strings(inside, "process", group.extent[0]);
  group.observable = strings(inside, "observable", group.extent[3]);
  good(nc_close(id));
  return group;
}

static void group_free(struct group *group)
{
  nc_free_string(group->extent[0], group->process);
  nc_free_string(group->extent[3], group->observable);
  sde_free(group->process);
  sde_free(group->observable);
  sde_free(group->time);
  sde_free(group->value);
}

static double value(const struct group *group, size_t process, size_t path, size_t time,
                    size_t observable)
{
  return group
      ->value[((process * group->extent[1] + path) * group->extent[2] + time) * group->extent[3] +
              observable];
}

/* The row of series.csv "...,PROCESS,SDE,OBSERVABLE,TIME,mean,..." of these: its mean. */
static double mean_in_series(const char *directory, const char *process, const char *observable,
                             double time)
{
  char *path = sde_format("%s/series.csv", directory), line[1024], kind[32], sde[32], name[64];
  char *key = sde_strdup(process), *cut = strchr(key, ' ');
  FILE *series = fopen(path, "r");
  double at, mean = NAN, found = NAN;
  ck_assert_ptr_nonnull(series);
  if (cut != NULL)
    *cut++ = '\0';
  while (fgets(line, sizeof line, series) != NULL) {
    const char *rest = line;
    for (int comma = 0; comma < 5; comma++)
      rest = strchr(rest, ',') + 1;
    bool iterates = sscanf(rest, "iterates,,%63[^,],%lf,%lf", name, &at, &mean) == 3;
    if (iterates)
      strcpy(kind, "iterates");
    else if (sscanf(rest, "%31[^,],%31[^,],%63[^,],%lf,%lf", kind, sde, name, &at, &mean) != 5)
      continue;
    if (strcmp(kind, key) == 0 && (cut == NULL || strcmp(sde, cut) == 0) &&
        strcmp(name, observable) == 0 && at == time)
      found = mean;
  }
  fclose(series);
  sde_free(key);
  sde_free(path);
  return found;
}

static void directory_remove(const char *directory)
{
  DIR *folder = opendir(directory);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    char *path = sde_format("%s/%s", directory, entry->d_name);
    unlink(path);
    sde_free(path);
  }
  closedir(folder);
  ck_assert_int_eq(rmdir(directory), 0);
}

/* A new directory with the results of a run of golden.yaml, short, with these overrides. */
static char *run_golden(size_t count, const char *const *more)
{
  const char *overrides[16] = {"loss.data=data/quadratic4.csv",
                               "eta=0.1",
                               "records=4",
                               "paths=96",
                               "optimizers=[{name: sgd}, {name: m-usam, micro_batch: 2}]",
                               "sde=[{substeps: 2}, {rho_order: 0, substeps: 2}]",
                               "observables=[loss, x1, x2]"};
  memcpy(overrides + 7, more, count * sizeof *more);
  struct outcome outcome = outcome_prepare("experiments/recipes/golden.yaml", 7 + count, overrides);
  outcome_run(&outcome, 1);
  ck_assert(outcome.good);
  char *directory = sde_strdup("/tmp/sharpsde-paths-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
  ck_assert_msg(results_write(outcome.results, directory, &outcome.status), "%s",
                outcome.status.message);
  outcome_free(&outcome);
  return directory;
}

/* The largest |mean over the paths of process p - mean of process q in series.csv|. */
static double worst_mean(const struct group *group, const char *directory, size_t p, size_t q)
{
  double worst = 0;
  for (size_t t = 0; t < group->extent[2]; t++)
    for (size_t o = 0; o < group->extent[3]; o++) {
      double sum = 0;
      for (size_t path = 0; path < group->extent[1]; path++)
        sum += value(group, p, path, t, o);
      double mean =
          mean_in_series(directory, group->process[q], group->observable[o], group->time[t]);
      ck_assert_msg(isfinite(mean), "no row of %s, %s, %g", group->process[q], group->observable[o],
                    group->time[t]);
      worst = fmax(worst, fabs(sum / (double)group->extent[1] - mean));
    }
  return worst;
}

/* All paths kept: their means are those of series.csv, to rounding, and of no other process. The
 * last case, m-usam, is the one whose rows come last. */
START_TEST(means_are_those_of_the_series)
{
  const char *const all[] = {_i == 0 ? "study=compare" : "study=trajectory", "output.paths=1000"};
  char *directory = run_golden(2, all), *file = sde_format("%s/paths.nc", directory);
  struct group group = group_read(file, "case_1");
  const size_t extent[] = {3, 96, 5, 3};
  ck_assert_mem_eq(group.extent, extent, sizeof extent);
  ck_assert_str_eq(group.process[2], "sde 1");
  ck_assert_str_eq(group.observable[1], "x1");
  ck_assert_double_eq(group.time[0], 0);
  for (size_t p = 0; p < 3; p++)
    for (size_t q = 0; q < 3; q++) {
      double worst = worst_mean(&group, directory, p, q);
      ck_assert_msg(p == q ? worst < 1e-13 : worst > 1e-4, "%zu, %zu: %g", p, q, worst);
    }
  group_free(&group);
  directory_remove(directory);
  sde_free(file);
  sde_free(directory);
}
END_TEST

/* Few paths are the first ones of many, and no path jumps: x1 starts at the start. */
START_TEST(few_are_the_first)
{
  const char *const many_paths[] = {"study=compare", "output.paths=40"};
  const char *const few_paths[] = {"study=trajectory", "output.paths=5", "sample_paths=7"};
  char *many = run_golden(2, many_paths), *few = run_golden(3, few_paths);
  char *many_file = sde_format("%s/paths.nc", many), *few_file = sde_format("%s/paths.nc", few);
  struct group large = group_read(many_file, "case_0"), small = group_read(few_file, "case_0");
  ck_assert_uint_eq(large.extent[1], 40);
  ck_assert_uint_eq(small.extent[1], 5);
  for (size_t p = 0; p < 3; p++)
    for (size_t path = 0; path < 5; path++) {
      ck_assert_double_eq(value(&small, p, path, 0, 1), 1.5);
      for (size_t t = 0; t < 5; t++)
        for (size_t o = 0; o < 3; o++)
          ck_assert_double_eq(value(&small, p, path, t, o), value(&large, p, path, t, o));
    }
  group_free(&large);
  group_free(&small);
  char *of_both[] = {many, few};
  for (size_t i = 0; i < 2; i++) {
    directory_remove(of_both[i]);
    sde_free(of_both[i]);
  }
  sde_free(many_file);
  sde_free(few_file);
}
END_TEST

static char *contents(const char *directory, const char *name)
{
  struct text text = {0};
  char *path = sde_format("%s/%s", directory, name), line[4096];
  FILE *stream = fopen(path, "r");
  ck_assert_msg(stream != NULL, "no %s", path);
  while (fgets(line, sizeof line, stream) != NULL)
    text_add(&text, "%s", line);
  fclose(stream);
  sde_free(path);
  return text.data;
}

/* The tables that also live on kept paths are the same, whichever keeps more. */
START_TEST(tables_do_not_change)
{
  static const char *const tables[][2] = {{"study=compare", "distances.csv"},
                                          {"study=trajectory", "trajectory.csv"}};
  const char *own = _i == 0 ? "distance_paths=32" : "sample_paths=32";
  char *expected = NULL;
  for (int paths = 0; paths <= 64; paths += paths == 0 ? 10 : 54) {
    char *output = sde_format("output.paths=%d", paths);
    const char *const overrides[] = {tables[_i][0], own, output};
    char *directory = run_golden(3, overrides), *found = contents(directory, tables[_i][1]);
    if (expected == NULL)
      expected = found;
    ck_assert_str_eq(found, expected);
    directory_remove(directory);
    sde_free(directory);
    sde_free(output);
    if (found != expected)
      sde_free(found);
  }
  sde_free(expected);
}
END_TEST

/* A path that diverges is missing from then on, and was there before. */
START_TEST(diverged_paths_are_missing)
{
  const char *const overrides[] = {
      "study=trajectory",          "output.paths=4", "divergence_bound=1.2",
      "start=[1.1, -1.0]",         "max_diverged=1", "noise.sampling=gaussian",
      "noise.standard_deviation=4"};
  char *directory = run_golden(7, overrides), *file = sde_format("%s/paths.nc", directory);
  struct group group = group_read(file, "case_0");
  size_t missing = 0;
  for (size_t path = 0; path < 4; path++)
    for (size_t t = 0; t < 5; t++) {
      bool gone = isnan(value(&group, 0, path, t, 1));
      ck_assert(t > 0 || !gone);
      ck_assert(t == 0 || gone || !isnan(value(&group, 0, path, t - 1, 1)));
      missing += gone;
    }
  ck_assert_uint_gt(missing, 0);
  group_free(&group);
  directory_remove(directory);
  sde_free(file);
  sde_free(directory);
}
END_TEST

START_TEST(other_studies_say_so)
{
  const char *const overrides[] = {"study=order", "output.paths=4",
                                   "loss.data=data/quadratic4.csv"};
  struct outcome outcome = outcome_prepare("experiments/recipes/golden.yaml", 3, overrides);
  char *said = unused_keys(outcome.cases, "");
  ck_assert_msg(strstr(said, "output.paths: output is not used by the study order") != NULL, "%s",
                said);
  sde_free(said);
  outcome_free(&outcome);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("path file");
  TCase *file = testing_case(suite, "file");
  tcase_add_loop_test(file, means_are_those_of_the_series, 0, 2);
  tcase_add_test(file, few_are_the_first);
  tcase_add_loop_test(file, tables_do_not_change, 0, 2);
  tcase_add_test(file, diverged_paths_are_missing);
  tcase_add_test(file, other_studies_say_so);
  return testing_run(suite);
}
