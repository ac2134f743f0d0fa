/*
 * The columns that rows of cases begin with: optimizer, micro-batch, batch, eta and rho, and those
 * that say whether a row is of the iterates or of an SDE.
 */
#ifndef EXPERIMENTS_RESULTS_CASE_COLUMNS_H
#define EXPERIMENTS_RESULTS_CASE_COLUMNS_H

#include "experiments/cases/case_result.h"
#include "experiments/results/columns.h"

/* For a field `const struct run_case *`. The label is "m-usam m=2"; the micro-batch is missing
 * where an optimizer has none; the update rule and its settings, "friction 2", are absent where the
 * recipe names none, and missing where there are none. */
struct cell cell_case_label(const void *field);
struct cell cell_case_optimizer(const void *field);
struct cell cell_case_update(const void *field);
struct cell cell_case_update_settings(const void *field);
struct cell cell_case_micro_batch(const void *field);
struct cell cell_case_batch(const void *field);
struct cell cell_case_eta(const void *field);
struct cell cell_case_rho(const void *field);

/* For a field `size_t`, a side of a case: "iterates" or "sde"; the number of the SDE, missing for
 * the iterates; "iterates" or "SDE 1". */
struct cell cell_side(const void *field);
struct cell cell_side_sde(const void *field);
struct cell cell_side_label(const void *field);

/* clang-format off */

/* Columns of a row with a field `one`, the case: the optimizer, with its update rule where the recipe
 * names some; with its label, micro-batch and batch; with eta and rho. The keys of the summary. */
#define COLUMN_OF_ONE(ROW, READ) COLUMN_READ(ROW, one, const struct run_case *, READ)
#define COLUMNS_OF_OPTIMIZER(ROW) \
  {"optimizer", COLUMN_OF_ONE(ROW, cell_case_optimizer)}, \
  {"update", .of_updates = true, COLUMN_OF_ONE(ROW, cell_case_update)}, \
  {"update_settings", .of_updates = true, COLUMN_OF_ONE(ROW, cell_case_update_settings)}
#define COLUMNS_OF_VARIANT(ROW) \
  {.heading = "optimizer", .width = -13, .of_labels = true, COLUMN_OF_ONE(ROW, cell_case_label)}, \
  COLUMNS_OF_OPTIMIZER(ROW), \
  {"micro_batch", COLUMN_OF_ONE(ROW, cell_case_micro_batch)}, \
  {"batch", COLUMN_OF_ONE(ROW, cell_case_batch)}
#define KEYS_OF_VARIANT "optimizer", "update", "update_settings", "micro_batch", "batch"
#define KEYS_OF_CASE KEYS_OF_VARIANT, "eta", "rho"
#define COLUMNS_OF_CASE(ROW) \
  COLUMNS_OF_VARIANT(ROW), \
  {"eta", .heading = "eta", .width = -7, COLUMN_OF_ONE(ROW, cell_case_eta)}, \
  {"rho", .heading = "rho", .width = -6, COLUMN_OF_ONE(ROW, cell_case_rho)}

/* Columns of a row with a field `side`; the column of a row with a field `sde`, its number. */
#define COLUMNS_OF_SIDE(ROW) \
  {.heading = "process", .width = -8, COLUMN_READ(ROW, side, size_t, cell_side_label)}, \
  {"process", COLUMN_READ(ROW, side, size_t, cell_side)}, \
  {"sde", "sde_index", COLUMN_READ(ROW, side, size_t, cell_side_sde)}
#define COLUMN_OF_SDE(ROW) \
  {"sde", "sde_index", .heading = "SDE", .width = -3, COLUMN_FIELD(ROW, sde)}

/* The column of an observable, by a field that is its name. */
#define COLUMN_OF_OBSERVABLE(ROW, FIELD) \
  {"observable", .heading = "observable", .width = -18, COLUMN_FIELD(ROW, FIELD)}

/* clang-format on */

#endif
