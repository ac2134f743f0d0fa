/*
 * Studies: what an experiment measures. A study takes a recipe apart, runs ensembles, and leaves
 * tables, a summary and verdicts in its results. Whoever reads a recipe is handed the studies that
 * it may name; all of them are in experiments/studies/studies.h.
 */
#ifndef EXPERIMENTS_RECIPE_STUDY_H
#define EXPERIMENTS_RECIPE_STUDY_H

#include "models/parameters.h"
#include "sde/status.h"

struct cases;
struct estimate;
struct progress;
struct recipe;
struct results;

/* What a recipe must know of a study, and how its cases are run. */
struct study_type {
  const char *name, *summary;
  const struct parameter_key *keys; /* its own top-level keys, ended by NULL; may be NULL */
  const char *const *unused;        /* common top-level keys that it does not use, ended by NULL */
  bool companions;                  /* each SDE is solved with a second step size beside */
  bool keeps_paths;                 /* uses the key output */
  bool ends_early;                  /* paths may end before `time`; path-steps are as if none did */
  bool takes_schedules; /* steps may differ with time: eta and rho, the place in an epoch */
  bool chooses_scheme;  /* by a pilot run, where the recipe leaves it open */
  /* What its starter recipe needs where the common one (`new`) would not do, each ended by NULL:
   * keys, each with its value; items of optimizers. NULL for the common ones. */
  const char *const *starter, *const *starter_optimizers;
  /* Does its run take these cases? False, and the status says why, before anything is run; `check`
   * says the same. NULL where it takes all that the recipe's reader does. */
  bool (*check)(const struct cases *cases, struct sde_status *status);
  /* Add what its run takes, where that is not each case with all its paths; else NULL. False, and
   * the status says why, where it cannot be run. */
  bool (*estimate)(const struct cases *cases, struct estimate *estimate, struct sde_status *status);
  /* Run the cases with this many threads (0 for all), filling the results; false on failure. */
  bool (*run)(const struct recipe *recipe, int threads, struct progress *progress,
              const struct cases *cases, struct results *results, struct sde_status *status);
};

/* What check says, where a study has it. */
bool study_check(const struct study_type *study, const struct cases *cases,
                 struct sde_status *status);

/* Does a study use this common top-level key? */
bool study_uses(const struct study_type *study, const char *key);

/* The one of a name among studies ended by NULL; or NULL. */
const struct study_type *study_named(const struct study_type *const *studies, const char *name);

#endif
