/*
 * Running a study in a test: a recipe with overrides, its cases, and what the study leaves in its
 * results, without a file written.
 */
#ifndef TESTS_STUDY_TESTING_H
#define TESTS_STUDY_TESTING_H

#include "experiments/cases/cases.h"
#include "experiments/recipe/recipe.h"
#include "experiments/recipe/study.h"
#include "experiments/results/results.h"

struct outcome {
  struct recipe *recipe;
  struct cases *cases;
  struct results *results;
  json_t *rows; /* of the summary, once it has run; NULL where the study has none */
  struct sde_status status;
  bool good; /* it has run */
};

/* The recipe of a file with `count` overrides, its cases and empty results; the test fails where
 * there are none. Release with outcome_free. */
struct outcome outcome_prepare(const char *file, size_t count, const char *const *overrides);

/* Run the study, with all threads for 0. */
void outcome_run(struct outcome *outcome, int threads);

void outcome_free(struct outcome *outcome);

/* The rows that `run` leaves are the same bits by one thread and by three, and others with another
 * seed. It is given an override, as "seed=1". */
void outcome_check_threads(struct outcome (*run)(const char *seed, int threads));

/* A field of a JSON object: one that must be a number, and one that may be null. */
double number(const json_t *object, const char *name);
double number_or_nan(const json_t *object, const char *name);

#endif
