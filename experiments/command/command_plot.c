/*
 * The command `plot`: pictures again, from the tables of a run.
 */
#include "experiments/command/command.h"
#include "experiments/pictures/plot.h"
#include "experiments/report/report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The report of the run, where there is one, shows its pictures: with the new ones it is written
 * again. */
static void renew_report(const char *directory, struct sde_status *status)
{
  char *page = sde_format("%s/report.html", directory);
  if (access(page, F_OK) == 0 && report_write(1, &directory, directory, "report.html", status))
    printf("%s\n", page);
  sde_free(page);
}

static bool plot(const char *directory, const char *path, struct plot_wish *wish,
                 struct sde_status *status)
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
  wish->title = title;
  good = good && plot_run_as(directory, study, wish, &files, status);
  for (size_t i = 0; i < files.count; i++)
    printf("%s/%s\n", directory, files.names[i]);
  if (good && (wish->formats & PLOT_SVG) != 0)
    renew_report(directory, status);
  plot_files_free(&files);
  json_decref(summary);
  return good && status->code == SDE_OK;
}

/* Take --format and --caption out of the words, which keep argv[0]; *count is what is left. */
static bool take_options(int argc, char **argv, struct plot_wish *wish, int *count,
                         struct sde_status *status)
{
  *count = 1;
  bool good = true;
  for (int i = 1; good && i < argc; i++) {
    bool format = strcmp(argv[i], "--format") == 0, caption = strcmp(argv[i], "--caption") == 0;
    if ((format || caption) && i + 1 == argc)
      good = sde_fail(status, SDE_INVALID, "plot: a value is missing after %s", argv[i]);
    else if (format)
      good = plot_formats_add(&wish->formats, argv[++i], status);
    else if (strncmp(argv[i], "--format=", 9) == 0)
      good = plot_formats_add(&wish->formats, argv[i] + 9, status);
    else if (caption)
      wish->caption = argv[++i];
    else if (strncmp(argv[i], "--caption=", 10) == 0)
      wish->caption = argv[i] + 10;
    else
      argv[(*count)++] = argv[i];
  }
  if (wish->formats == 0)
    wish->formats = PLOT_SVG | PLOT_PNG;
  return good;
}

int command_plot(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  struct plot_wish wish = {0};
  int words = 0;
  const char *directory = take_options(argc, argv, &wish, &words, &status)
                              ? command_word(words, argv, "directory", &status)
                              : NULL;
  if (directory != NULL) {
    char *path = sde_format("%s/summary.json", directory);
    plot(directory, path, &wish, &status);
    sde_free(path);
  }
  return command_end(&status);
}
