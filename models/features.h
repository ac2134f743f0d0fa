/*
 * Features: the columns of a CSV file that a loss learns from, and its target: what regressions and
 * networks share.
 */
#ifndef MODELS_FEATURES_H
#define MODELS_FEATURES_H

#include "models/data.h"
#include "models/parameters.h"
#include "sde/status.h"

/* Rows for the key tables of the losses: data, how it is written, columns, target, standardize. */
#define FEATURES_KEYS                                                                              \
  {.name = "data",                                                                                 \
   .type = PARAMETER_FILE,                                                                         \
   .required = true,                                                                               \
   .help = "CSV file with a header row, a row a sample"},                                          \
      DATA_KEYS,                                                                                   \
      {.name = "columns",                                                                          \
       .type = PARAMETER_TEXT,                                                                     \
       .list = true,                                                                               \
       .help = "names of the feature columns; without it, all but the target"},                    \
      {.name = "target",                                                                           \
       .type = PARAMETER_TEXT,                                                                     \
       .help = "name of the target column; without it, the last"},                                 \
  {                                                                                                \
    .name = "standardize", .type = PARAMETER_BOOL, .fallback = "true",                             \
    .help = "shift and scale each feature to mean 0 and variance 1"                                \
  }

/* One more row each, for what is done to the target. */
#define FEATURES_STANDARDIZE_TARGET_KEY                                                            \
  {                                                                                                \
    .name = "standardize_target", .type = PARAMETER_BOOL, .fallback = "true",                      \
    .help = "shift and scale the target to mean 0 and variance 1"                                  \
  }
#define FEATURES_POSITIVE_KEY                                                                      \
  {                                                                                                \
    .name = "positive", .type = PARAMETER_TEXT,                                                    \
    .help = "the target, a number or a word, that counts as 1, all others as 0; without it, "      \
            "targets must be 0 or 1"                                                               \
  }

/* Features and target as read. */
struct features {
  size_t samples, columns;
  size_t held_out; /* rows behind the samples, which are not learnt from */
  double *a;       /* [sample*columns + j]: features, then 1 where there is an intercept */
  double *y;       /* [sample]: the target as it stands in the file; of two classes 0 and 1 */
  char *note;      /* a sentence on rows that were left out, or NULL */
};

/* Read the data by the keys above; the variance divides by the number of rows. With `classes` the
 * target is 1 where it is `positive`, else 0, without that key it must be so, and both must occur.
 * False, and the status says why. The caller releases a, y and note with sde_free either way. */
bool features_read(struct features *features, const struct parameters *parameters, bool intercept,
                   bool classes, struct sde_status *status);

/* Shift and scale the target of samples, and of what is held out behind them by the same; false,
 * and the status says so, where it is constant. */
bool features_standardize_target(size_t samples, size_t held_out, double *y,
                                 const struct parameters *parameters, struct sde_status *status);

#endif
