/*
 * Results: what a study leaves. Tables, summary and verdicts are gathered in memory and written at
 * the end, each file whole or not at all. The formats are a contract that other programs read.
 */
#ifndef EXPERIMENTS_RESULTS_RESULTS_H
#define EXPERIMENTS_RESULTS_RESULTS_H

#include "experiments/recipe/recipe.h"
#include "sde/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What the evidence says of a claim. */
enum holds { HOLDS_NO, HOLDS_YES, HOLDS_UNDECIDED };

struct results;

struct results *results_new(const struct recipe *recipe);
void results_free(struct results *results);

/* The stream of a CSV table such as "series.csv", which has its row in files.def, to be written to
 * with fprintf; made at the first call, which also writes the header row. Behind a first column
 * "optimizer" stand "update" and "update_settings" where the recipe names update rules: rows then
 * have them, too (case_columns.h). */
FILE *results_table(struct results *results, const char *name, const char *header);

/* The same where it has been made; else NULL. */
FILE *results_find_table(struct results *results, const char *name);

/* The file of single paths, paths.nc, made at the first call; owned by the results. */
struct path_file;
struct path_file *results_path_file(struct results *results);

/* Does the recipe name update rules, so that its tables do? */
bool results_name_updates(const struct results *results);

/* The length of the longest label of a case, by which the columns of labels grow on the terminal;
 * and how much longer it is than what they hold without. */
void results_set_label_width(struct results *results, size_t width);
int results_label_excess(const struct results *results);

/* Write a number to a table: shortest text that reads back the same; nothing where it is NAN. */
void results_number(FILE *table, double value);

/* The summary, to be extended with a study's own fields. */
json_t *results_summary(struct results *results);

/* Fields of run.json beside its own, to be extended. */
json_t *results_about(struct results *results);

/* A number as JSON, null where it is not finite: JSON has no NaN, and jansson drops it. */
json_t *results_json(double value);

void results_verdict(struct results *results, const char *claim, enum holds holds,
                     const char *evidence, ...) __attribute__((format(printf, 4, 5)));

/* The same of what no theory of optimizers is needed for: that the simulation has the means which
 * are known exactly. In the summary such a verdict has "self_check": true. */
void results_self_check(struct results *results, const char *claim, enum holds holds,
                        const char *evidence, ...) __attribute__((format(printf, 4, 5)));

/* All so far, as they will be in the summary; owned by the results. */
const json_t *results_verdicts(const struct results *results);

/* What a part of the evidence that rests on several carries behind it: "" where it agrees, "
 * (fails)" or " (undecided)". Parts are separated by "; ". */
const char *results_flag(enum holds holds);

/* A line for people, shown after the run; `warning` lines go to stderr, and are shown even when
 * the run is quiet. */
void results_note(struct results *results, bool warning, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line for people that stands before all notes: what they came for, or must know first. */
void results_lead(struct results *results, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The run itself failed, though there are results; the reason is a warning. */
void results_fail(struct results *results);
bool results_failed(const struct results *results);

/* Print tables for people: the notes and the verdicts. */
void results_print(const struct results *results, FILE *out);
void results_print_warnings(const struct results *results, FILE *out);

/* Write recipe.yaml, the tables and summary.json to a folder, which is made where it is missing;
 * that of a transaction (transaction.h), so that they replace a run together. */
bool results_write(struct results *results, const char *directory, struct sde_status *status);

/* What a run took: threads of this rank, the paths that each rank has run, and the path-steps of
 * all ranks. */
struct results_effort {
  double seconds;
  int threads;
  size_t ranks;
  const uint64_t *rank_paths;
  uint64_t path_steps;
};

/* Write run.json: what is not the same from run to run, what the run said, the recipe's leading
 * comment, and the list of all files of the run, `pictures` and the report included. */
bool results_write_run(const struct results *results, const char *directory,
                       const struct results_effort *effort, size_t pictures, char *const *picture,
                       struct sde_status *status);

#endif
