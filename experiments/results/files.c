/*
 * Files of a run: see files.h.
 */
#include "experiments/results/files.h"

#include "experiments/io/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const known[] = {
#define RESULT_FILE(name) name,
#include "experiments/results/files.def"
#undef RESULT_FILE
};

bool result_file_is_known(const char *name)
{
  const char *point = strrchr(name, '.');
  if (point != NULL && (strcmp(point, ".svg") == 0 || strcmp(point, ".png") == 0))
    return true;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i], name) == 0)
      return true;
  return false;
}

bool results_write_file(const char *directory, const char *name, const char *text, size_t length,
                        struct sde_status *status)
{
  char *path = sde_format("%s/%s", directory, name);
  char *beside = sde_format("%s/.%s.%ld", directory, name, (long)getpid());
  FILE *stream = fopen(beside, "w");
  bool good = stream != NULL && fwrite(text, 1, length, stream) == length && fflush(stream) == 0 &&
              fsync(fileno(stream)) == 0;
  int error = errno;
  if (stream != NULL && fclose(stream) != 0 && good) {
    error = errno;
    good = false;
  }
  if (good && rename(beside, path) != 0) {
    error = errno;
    good = false;
  }
  if (!good) {
    sde_fail(status, SDE_FAILED, "%s: cannot be written: %s", path, strerror(error));
    unlink(beside);
  }
  sde_free(path);
  sde_free(beside);
  return good;
}

bool result_write_json(const char *directory, const char *name, const json_t *value,
                       struct sde_status *status)
{
  char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  if (text == NULL)
    return sde_fail(status, SDE_FAILED, "%s/%s: cannot be made", directory, name);
  size_t length = strlen(text);
  text[length] = '\n';
  bool good = results_write_file(directory, name, text, length + 1, status);
  free(text);
  return good;
}

json_t *result_run_json(const char *folder)
{
  char *path = sde_format("%s/run.json", folder);
  json_t *run = json_load_file(path, 0, NULL);
  sde_free(path);
  return run;
}

bool result_run_add(json_t *run, size_t count, char *const *name)
{
  json_t *files = json_object_get(run, "files");
  bool any = false;
  for (size_t i = 0; json_is_array(files) && i < count; i++)
    if (!result_run_lists(run, name[i])) {
      json_array_append_new(files, json_text(name[i]));
      any = true;
    }
  return any;
}

bool result_run_lists(const json_t *run, const char *name)
{
  size_t i;
  json_t *file;
  json_array_foreach(json_object_get(run, "files"), i, file)
  {
    const char *listed = json_string_value(file);
    if (listed != NULL && strcmp(listed, name) == 0)
      return true;
  }
  return false;
}
