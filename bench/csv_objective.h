/*
 * Objectives for the benchmark that are made as a recipe makes them: from a CSV file, here a
 * temporary one.
 */
#ifndef BENCH_CSV_OBJECTIVE_H
#define BENCH_CSV_OBJECTIVE_H

#include "models/objective.h"

#include <stdio.h>

/* The loss of this name on the data that `write` writes, with further parameters (which are
 * released, or NULL for none), sampled with replacement. Ends the program, and says why, where the
 * file or the loss cannot be made. */
struct objective *csv_objective_new(const char *loss, struct parameters *parameters,
                                    void (*write)(const void *context, FILE *csv),
                                    const void *context);

/* With its loss. */
void csv_objective_free(struct objective *objective);

#endif
