/*
 * A finished run, read from its directory for a report.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_RUN_H
#define EXPERIMENTS_REPORT_REPORT_RUN_H

#include "experiments/io/yaml.h"
#include "experiments/report/report_table.h"
#include "sde/status.h"

#include <jansson.h>

struct report_file {
  char *name;                /* in the directory */
  struct report_table table; /* of a CSV file */
};

struct report_run {
  char *directory;
  json_t *summary, *about; /* summary.json; run.json, NULL where it is missing */
  const char *study, *title;
  size_t held, failed, open; /* verdicts */
  char *recipe_text;
  struct yaml *recipe;
  size_t tables, pictures;
  struct report_file *table, *picture; /* CSV files; svg files */
};

/* Read summary.json, run.json, recipe.yaml and the tables of the directory, and list its pictures:
 * those that run.json names or that are not older than the summary. Released with report_run_free;
 * also where false is returned. */
bool report_run_read(struct report_run *run, const char *directory, struct sde_status *status);
void report_run_free(struct report_run *run);

/* Its title, or that it has none; how many paths it had, or the tolerance that they were to meet; and
 * how long it took. The latter two are released with sde_free. */
const char *report_run_title(const struct report_run *run);
char *report_run_paths(const struct report_run *run);
char *report_run_time(const struct report_run *run);

/* Where means were asked for to a tolerance, that; else NAN. */
double report_run_tolerance(const struct report_run *run);

/* The whole of a file in the directory, ended by a zero byte, or NULL. Released with sde_free. */
char *report_run_file(const struct report_run *run, const char *name, struct sde_status *status);

#endif
