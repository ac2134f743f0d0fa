/*
 * A finished run: see report_run.h.
 */
#include "experiments/report/report_run.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool ends_with(const char *name, const char *end)
{
  size_t length = strlen(name), tail = strlen(end);
  return length > tail && strcmp(name + length - tail, end) == 0;
}

static json_t *read_json(const char *path, bool optional, struct sde_status *status)
{
  json_error_t error;
  json_t *value = json_load_file(path, 0, &error);
  if (json_is_object(value))
    return value;
  if (value != NULL)
    sde_fail(status, SDE_INVALID, "%s: it holds no object; accepted is the file of a run", path);
  else if (json_error_code(&error) != json_error_cannot_open_file)
    sde_fail(status, SDE_INVALID, "%s:%d: %s; accepted is the file of a run", path, error.line,
             error.text);
  else if (!optional)
    sde_fail(status, SDE_INVALID, "%s: %s; accepted is the directory of a run", path, error.text);
  json_decref(value);
  return NULL;
}

char *report_run_file(const struct report_run *run, const char *name, struct sde_status *status)
{
  char *path = sde_format("%s/%s", run->directory, name), *text = NULL;
  FILE *file = fopen(path, "rb");
  struct stat about;
  if (file == NULL || fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode))
    sde_fail(status, SDE_INVALID, "%s: %s; a finished run leaves this file", path,
             file == NULL ? strerror(errno) : "it is no file");
  else {
    text = sde_alloc((size_t)about.st_size + 1, 1);
    if (fread(text, 1, (size_t)about.st_size, file) != (size_t)about.st_size) {
      sde_fail(status, SDE_FAILED, "%s: it cannot be read", path);
      sde_free(text);
      text = NULL;
    }
  }
  if (file != NULL)
    fclose(file);
  sde_free(path);
  return text;
}

static bool is_well_formed(const json_t *summary)
{
  size_t i;
  json_t *verdict, *verdicts = json_object_get(summary, "verdicts");
  if (!json_is_string(json_object_get(summary, "study")) ||
      !json_is_string(json_object_get(summary, "title")) || !json_is_array(verdicts))
    return false;
  json_array_foreach(
      verdicts, i, verdict) if (!json_is_string(json_object_get(verdict, "claim")) ||
                                !json_is_string(json_object_get(verdict, "evidence"))) return false;
  return true;
}

static bool read_summary(struct report_run *run, struct sde_status *status)
{
  char *path = sde_format("%s/summary.json", run->directory);
  run->summary = read_json(path, false, status);
  bool good = run->summary != NULL;
  if (good && !is_well_formed(run->summary))
    good = sde_fail(status, SDE_INVALID,
                    "%s: study, title or verdicts are missing; accepted is the summary of a run",
                    path);
  sde_free(path);
  if (!good)
    return false;
  run->study = json_string_value(json_object_get(run->summary, "study"));
  run->title = json_string_value(json_object_get(run->summary, "title"));
  size_t i;
  json_t *verdict;
  json_array_foreach(json_object_get(run->summary, "verdicts"), i, verdict)
  {
    const json_t *holds = json_object_get(verdict, "holds");
    *(json_is_true(holds) ? &run->held : json_is_false(holds) ? &run->failed : &run->open) += 1;
  }
  return true;
}

static bool is_listed(const struct report_run *run, const char *name)
{
  size_t i;
  json_t *file;
  json_array_foreach(json_object_get(run->about, "files"), i,
                     file) if (json_is_string(file) &&
                               strcmp(json_string_value(file), name) == 0) return true;
  return false;
}

static bool not_older(const struct report_run *run, const char *name)
{
  char *path = sde_format("%s/%s", run->directory, name);
  char *summary = sde_format("%s/summary.json", run->directory);
  struct stat a, b;
  bool is = stat(path, &a) == 0 && stat(summary, &b) == 0 &&
            (a.st_mtim.tv_sec > b.st_mtim.tv_sec ||
             (a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec >= b.st_mtim.tv_nsec));
  sde_free(path);
  sde_free(summary);
  return is;
}

/* Files that another run or the user has left are none of this one's: a table is, where run.json
 * names it, and a picture too, or where it was drawn later from such a table. */
static bool is_ours(const struct report_run *run, const char *name)
{
  if (is_listed(run, name))
    return true;
  if (ends_with(name, ".csv"))
    return run->about == NULL;
  char *table = sde_format("%.*s.csv", (int)strcspn(name, "-."), name);
  bool ours = (run->about == NULL || is_listed(run, table)) && not_older(run, name);
  sde_free(table);
  return ours;
}

static int is_table_or_picture(const struct dirent *entry)
{
  return entry->d_name[0] != '.' &&
         (ends_with(entry->d_name, ".csv") || ends_with(entry->d_name, ".svg"));
}

/* series-2 before series-10. */
static int compare_names(const struct dirent **left, const struct dirent **right)
{
  const char *a = (*left)->d_name, *b = (*right)->d_name;
  size_t shorter = strcspn(a, "0123456789"), other = strcspn(b, "0123456789");
  if (shorter == other && strncmp(a, b, shorter) == 0 && strlen(a) != strlen(b))
    return strlen(a) < strlen(b) ? -1 : 1;
  return strcmp(a, b);
}

static bool list_files(struct report_run *run, struct sde_status *status)
{
  struct dirent **entry = NULL;
  int count = scandir(run->directory, &entry, is_table_or_picture, compare_names);
  if (count < 0)
    return sde_fail(status, SDE_INVALID, "%s: %s", run->directory, strerror(errno));
  run->table = sde_alloc((size_t)count + 1, sizeof *run->table);
  run->picture = sde_alloc((size_t)count + 1, sizeof *run->picture);
  bool good = true;
  for (int i = 0; i < count; i++) {
    const char *name = entry[i]->d_name;
    bool ours = is_ours(run, name);
    if (ours && ends_with(name, ".svg"))
      run->picture[run->pictures++].name = sde_strdup(name);
    else if (ours && good) {
      struct report_file *file = &run->table[run->tables++];
      char *path = sde_format("%s/%s", run->directory, name);
      file->name = sde_strdup(name);
      good = report_table_csv(&file->table, path, status);
      sde_free(path);
    }
    free(entry[i]);
  }
  free(entry);
  return good;
}

bool report_run_read(struct report_run *run, const char *directory, struct sde_status *status)
{
  size_t length = strlen(directory);
  while (length > 1 && directory[length - 1] == '/')
    length--;
  *run = (struct report_run){.directory = sde_format("%.*s", (int)length, directory)};
  char *about = sde_format("%s/run.json", run->directory);
  char *recipe = sde_format("%s/recipe.yaml", run->directory);
  bool good = read_summary(run, status);
  if (good) {
    run->about = read_json(about, true, status);
    good = status->code == SDE_OK &&
           (run->recipe_text = report_run_file(run, "recipe.yaml", status)) != NULL &&
           (run->recipe = yaml_read(recipe, status)) != NULL && list_files(run, status);
  }
  sde_free(recipe);
  sde_free(about);
  return good;
}

double report_run_tolerance(const struct report_run *run)
{
  const json_t *tolerance = json_object_get(run->summary, "tolerance");
  return json_is_number(tolerance) ? json_number_value(tolerance) : NAN;
}

void report_run_free(struct report_run *run)
{
  for (size_t i = 0; i < run->tables; i++) {
    sde_free(run->table[i].name);
    report_table_free(&run->table[i].table);
  }
  for (size_t i = 0; i < run->pictures; i++)
    sde_free(run->picture[i].name);
  sde_free(run->table);
  sde_free(run->picture);
  yaml_free(run->recipe);
  sde_free(run->recipe_text);
  json_decref(run->summary);
  json_decref(run->about);
  sde_free(run->directory);
}

const char *report_run_title(const struct report_run *run)
{
  return run->title[0] != '\0' ? run->title : "A run without a title";
}

/* How many paths, or the tolerance that they were to meet. */
char *report_run_paths(const struct report_run *run)
{
  double tolerance = report_run_tolerance(run);
  if (!isnan(tolerance))
    return sde_format("as a tolerance of %g took", tolerance);
  const json_t *paths = json_object_get(run->summary, "paths");
  if (json_is_integer(paths))
    return sde_format("%lld", (long long)json_integer_value(paths));
  struct text text = {0};
  text_add(&text, "%s", "");
  for (size_t i = 0; i < json_array_size(paths); i++)
    text_add(&text, "%s%lld", i == 0 ? "" : ", ",
             (long long)json_integer_value(json_array_get(paths, i)));
  return text.data;
}

char *report_run_time(const struct report_run *run)
{
  const json_t *seconds = json_object_get(run->about, "seconds");
  return json_is_number(seconds) ? sde_format("%.3g s", json_number_value(seconds))
                                 : sde_strdup("unknown");
}
