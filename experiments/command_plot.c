/*
 * The command `plot`: pictures again, from the tables of a run.
 */
#include "experiments/command.h"
#include "experiments/plot.h"

#include <jansson.h>
#include <stdio.h>

static bool plot(const char *directory, const char *path, struct sde_status *status)
{
  json_error_t error;
  json_t *summary = json_load_file(path, 0, &error);
  const char *study = json_string_value(json_object_get(summary, "study"));
  const char *title = json_string_value(json_object_get(summary, "title"));
  struct plot_files files = {0, NULL};
  bool good = true;
  if (summary == NULL && json_error_code(&error) == json_error_cannot_open_file)
    good = sde_fail(status, SDE_INVALID, "%s: %s; accepted is the directory of a run", path,
                    error.text);
  else if (summary == NULL)
    good = sde_fail(status, SDE_INVALID, "%s:%d: %s; accepted is the summary of a run", path,
                    error.line, error.text);
  else if (study == NULL || title == NULL)
    good = sde_fail(status, SDE_INVALID,
                    "%s: study or title is missing; accepted is the summary of a run", path);
  good = good && plot_run(directory, study, title, &files, status);
  for (size_t i = 0; i < files.count; i++)
    printf("%s/%s\n", directory, files.names[i]);
  plot_files_free(&files);
  json_decref(summary);
  return good;
}

int command_plot(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  const char *directory = command_word(argc, argv, "directory", &status);
  if (directory != NULL) {
    char *path = sde_format("%s/summary.json", directory);
    plot(directory, path, &status);
    sde_free(path);
  }
  return command_end(&status);
}
