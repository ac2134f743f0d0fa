/*
 * The command `plot`: pictures again, from the tables of a run.
 */
#include "experiments/command/command.h"
#include "experiments/pictures/plot.h"
#include "experiments/report/report.h"
#include "experiments/results/files.h"
#include "experiments/results/transaction.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The report of the run, where there is one, shows its pictures: with the new ones it is written
 * again. */
static void renew_report(const char *directory, struct transaction *transaction,
                         struct sde_status *status)
{
  char *page = sde_format("%s/report.html", directory);
  if (access(page, F_OK) == 0 &&
      report_write(1, &directory, transaction_folder(transaction), "report.html", status) &&
      transaction_commit(transaction, status))
    printf("%s\n", page);
  sde_free(page);
}

/* Pictures belong to the run, so that it takes them along where it is replaced. */
static bool list_pictures(const char *directory, const struct transaction *transaction,
                          const struct plot_files *pictures, struct sde_status *status)
{
  json_t *run = result_run_json(directory);
  bool good = !result_run_add(run, pictures->count, pictures->names) ||
              result_write_json(transaction_folder(transaction), "run.json", run, status);
  json_decref(run);
  return good;
}

/* Where a picture fails, those before it are kept. */
static void draw(const char *directory, const json_t *summary, struct plot_wish *wish,
                 struct sde_status *status)
{
  struct transaction *transaction = transaction_begin(directory, TRANSACTION_ADD, status);
  struct plot_files pictures = {0, NULL};
  struct sde_status moved = {SDE_OK, ""};
  if (transaction == NULL)
    return;
  wish->title = json_string_value(json_object_get(summary, "title"));
  wish->folder = transaction_folder(transaction);
  plot_run_as(directory, json_string_value(json_object_get(summary, "study")), wish, &pictures,
              status);
  if (!list_pictures(directory, transaction, &pictures, &moved) ||
      !transaction_commit(transaction, &moved))
    sde_fail(status, moved.code, "%s", moved.message);
  for (size_t i = 0; moved.code == SDE_OK && i < pictures.count; i++)
    printf("%s/%s\n", directory, pictures.names[i]);
  if (status->code == SDE_OK && (wish->formats & PLOT_SVG) != 0)
    renew_report(directory, transaction, status);
  plot_files_free(&pictures);
  transaction_end(transaction);
}

static void plot(const char *directory, const char *path, struct plot_wish *wish,
                 struct sde_status *status)
{
  json_error_t error;
  json_t *summary = json_load_file(path, 0, &error);
  if (summary == NULL && json_error_code(&error) == json_error_cannot_open_file)
    sde_fail(status, SDE_INVALID, "%s: %s; accepted is the directory of a run", path, error.text);
  else if (summary == NULL)
    sde_fail(status, SDE_INVALID, "%s:%d: %s; accepted is the summary of a run", path, error.line,
             error.text);
  else if (!json_is_string(json_object_get(summary, "study")) ||
           !json_is_string(json_object_get(summary, "title")))
    sde_fail(status, SDE_INVALID, "%s: study or title is missing; accepted is the summary of a run",
             path);
  else
    draw(directory, summary, wish, status);
  json_decref(summary);
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
