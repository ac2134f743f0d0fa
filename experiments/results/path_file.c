/*
 * The file of single paths: see path_file.h. A group a case, for cases differ in their times and
 * numbers of paths; the file is made in memory, and written as the other results are.
 */
#include "experiments/results/path_file.h"

#include "experiments/recipe/study.h"
#include "experiments/results/files.h"

#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <netcdf_mem.h>
#include <stdlib.h>
#include <string.h>

struct path_file {
  int id;
  size_t cases;
  int error; /* the first, of netCDF; NC_NOERR */
  bool closed;
};

/* The dimensions of a group and of its variable `value`, in their order. */
enum { PROCESS, PATH, TIME, OBSERVABLE, DIMENSIONS };

struct group {
  struct path_file *file;
  int id, dimension[DIMENSIONS];
};

static void check(struct path_file *file, int error)
{
  if (file->error == NC_NOERR)
    file->error = error;
}

static void put_text(struct path_file *file, int group, int variable, const char *name,
                     const char *text)
{
  check(file, nc_put_att_text(group, variable, name, strlen(text), text));
}

static void put_number(struct group *group, const char *name, double number)
{
  check(group->file, nc_put_att_double(group->id, NC_GLOBAL, name, NC_DOUBLE, 1, &number));
}

static void put_whole(struct group *group, const char *name, uint64_t number)
{
  long long value = (long long)number;
  check(group->file, nc_put_att_longlong(group->id, NC_GLOBAL, name, NC_INT64, 1, &value));
}

struct path_file *path_file_new(const struct recipe *recipe)
{
  struct path_file *file = sde_alloc(1, sizeof *file);
  check(file, nc_create_mem("paths.nc", NC_NETCDF4, 0, &file->id));
  put_text(file, file->id, NC_GLOBAL, "title", parameters_text(recipe->common, "title"));
  put_text(file, file->id, NC_GLOBAL, "source", "sharpsde " SHARPSDE_VERSION);
  put_text(file, file->id, NC_GLOBAL, "version", SHARPSDE_VERSION);
  put_text(file, file->id, NC_GLOBAL, "study", recipe->study->name);
  put_text(file, file->id, NC_GLOBAL, "recipe_sha256", recipe->sha256);
  long long seed = (long long)parameters_u64(recipe->common, "seed");
  check(file, nc_put_att_longlong(file->id, NC_GLOBAL, "seed", NC_INT64, 1, &seed));
  return file;
}

void path_file_free(struct path_file *file)
{
  if (file == NULL)
    return;
  if (!file->closed)
    nc_abort(file->id);
  sde_free(file);
}

uint64_t path_file_paths(const struct run_case *one, const struct recipe *recipe)
{
  bool single = !one->antithetic && one->replicates == 0;
  uint64_t wanted = single ? parameters_u64(recipe->output, "paths") : 0;
  return wanted < one->paths ? wanted : one->paths;
}

/* A variable of one dimension with its attributes; it has the dimension's name. */
static int coordinate(struct group *group, const char *name, nc_type type, size_t length, int which,
                      const char *long_name, const char *units)
{
  int variable = 0;
  check(group->file, nc_def_dim(group->id, name, length, &group->dimension[which]));
  check(group->file, nc_def_var(group->id, name, type, 1, &group->dimension[which], &variable));
  put_text(group->file, group->id, variable, "long_name", long_name);
  if (units != NULL)
    put_text(group->file, group->id, variable, "units", units);
  return variable;
}

static void put_processes(struct group *group, size_t sides)
{
  int variable = coordinate(group, "process", NC_STRING, sides, PROCESS,
                            "iterates, or number of the SDE in the recipe", NULL);
  for (size_t side = 0; side < sides; side++) {
    char *name = side == CASE_ITERATES ? sde_strdup("iterates")
                                       : sde_format("sde %zu", case_sde_of_side(side));
    const char *text = name;
    check(group->file, nc_put_var1_string(group->id, variable, &side, &text));
    sde_free(name);
  }
}

static void put_path_numbers(struct group *group, size_t paths)
{
  int variable =
      coordinate(group, "path", NC_INT64, paths, PATH, "number of the path in the ensemble", "1");
  for (size_t i = 0; i < paths; i++) {
    long long number = (long long)i;
    check(group->file, nc_put_var1_longlong(group->id, variable, &i, &number));
  }
}

static void put_times(struct group *group, const struct case_result *result)
{
  size_t records = result->ensemble.records;
  int variable = coordinate(group, "time", NC_DOUBLE, records, TIME,
                            "time: steps of the optimizer times eta", "1");
  for (size_t r = 0; r < records; r++) {
    double time = case_time(result, r);
    check(group->file, nc_put_var1_double(group->id, variable, &r, &time));
  }
}

static void put_observables(struct group *group, const struct cases *cases)
{
  size_t count = cases->observables->count;
  int variable = coordinate(group, "observable", NC_STRING, count, OBSERVABLE,
                            "what is observed: see sharpsde list observables", NULL);
  for (size_t i = 0; i < count; i++)
    check(group->file,
          nc_put_var1_string(group->id, variable, &i, (const char **)&cases->observable_name[i]));
}

/* The paths of one side. */
static void put_values(struct group *group, int variable, const struct case_result *result,
                       size_t side, const size_t extent[DIMENSIONS])
{
  size_t times = extent[TIME], observables = extent[OBSERVABLE];
  double *turned = sde_alloc(extent[PATH] * times, observables * sizeof *turned);
  for (size_t r = 0; r < times; r++)
    for (size_t o = 0; o < observables; o++) {
      const double *sample = case_samples(result, side, r, o);
      for (size_t p = 0; p < extent[PATH]; p++)
        turned[(p * times + r) * observables + o] = sample[p];
    }
  size_t from[DIMENSIONS] = {[PROCESS] = side};
  size_t count[DIMENSIONS] = {1, extent[PATH], times, observables};
  check(group->file, nc_put_vara_double(group->id, variable, from, count, turned));
  sde_free(turned);
}

static void put_case(struct group *group, const struct run_case *one)
{
  const struct optimizer *optimizer = &one->optimizer;
  put_text(group->file, group->id, NC_GLOBAL, "optimizer", optimizer->rule->name);
  if (optimizer->rule->micro_batch != MICRO_BATCH_NONE)
    put_whole(group, "micro_batch", optimizer->micro_batch);
  put_whole(group, "batch", optimizer->batch);
  put_number(group, "eta", optimizer->eta);
  put_number(group, "rho", optimizer->rho);
  put_whole(group, "ensemble_paths", one->paths);
}

void path_file_add(struct path_file *file, const struct case_result *result)
{
  const struct cases *cases = result->cases;
  size_t extent[DIMENSIONS] = {case_sides(cases),
                               (size_t)path_file_paths(result->one, cases->recipe),
                               result->ensemble.records, result->ensemble.observables};
  if (extent[PATH] == 0)
    return;
  struct group group = {.file = file};
  char *name = sde_format("case_%zu", file->cases++);
  check(file, nc_def_grp(file->id, name, &group.id));
  put_case(&group, result->one);
  put_processes(&group, extent[PROCESS]);
  put_path_numbers(&group, extent[PATH]);
  put_times(&group, result);
  put_observables(&group, cases);
  int variable = 0;
  double missing = NAN;
  check(file, nc_def_var(group.id, "value", NC_DOUBLE, DIMENSIONS, group.dimension, &variable));
  check(file, nc_put_att_double(group.id, variable, "_FillValue", NC_DOUBLE, 1, &missing));
  put_text(file, group.id, variable, "long_name",
           "observables along single paths; missing once the path has diverged");
  put_text(file, group.id, variable, "units", "1");
  for (size_t side = 0; side < extent[PROCESS]; side++)
    put_values(&group, variable, result, side, extent);
  sde_free(name);
}

bool path_file_write(struct path_file *file, const char *directory, struct sde_status *status)
{
  NC_memio memory = {0};
  if (file->error == NC_NOERR) {
    file->error = nc_close_memio(file->id, &memory);
    file->closed = true;
  }
  if (file->error != NC_NOERR)
    return sde_fail(status, SDE_FAILED, "%s/paths.nc: cannot be made: %s", directory,
                    nc_strerror(file->error));
  bool good = results_write_file(directory, "paths.nc", memory.memory, memory.size, status);
  free(memory.memory);
  return good;
}
