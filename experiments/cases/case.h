/*
 * A case: one optimizer with its settings, whose iterates stand beside each SDE of the recipe; what
 * its sides are called, and the streams of its random numbers.
 */
#ifndef EXPERIMENTS_CASES_CASE_H
#define EXPERIMENTS_CASES_CASE_H

#include "experiments/recipe/recipe.h"
#include "models/limit.h"
#include "models/observables.h"
#include "sde/ensemble.h"

/* One SDE of a case. The companion solves it on the same Brownian path with `ratio` times as many
 * steps (1/2, or 2 where the number of substeps is odd), to show the scheme's own error. */
struct case_sde {
  size_t index; /* in the recipe's list */
  struct limit *limit;
  struct sde_system system; /* the limit's */
  const struct sde_scheme *scheme;
  struct sde_quasi *quasi; /* NULL but for quasi-random paths */
  struct sde_process *process, *companion;
  struct sde_process *partner, *companion_partner; /* on -W; NULL but for antithetic paths */
  double ratio;
  bool coupled;      /* shares its Brownian path with the iterates: Gaussian noise */
  const char *apart; /* where it does not: why, for people */
};

struct program_rule;

struct run_case {
  struct optimizer optimizer;
  struct program_rule *program; /* of lines of the recipe; else NULL */
  size_t dim;                   /* of the state of its iterates and of its SDEs */
  double *start;                /* where they start: dim numbers, those of x first */
  bool names_update; /* some optimizer of the recipe names its update rule, so that results do */
  uint64_t paths, steps; /* of antithetic paths, pairs */
  bool antithetic;
  uint64_t replicates; /* of quasi-random paths, together `paths` of them; 0 for others */
  struct sde_process *iterates, *iterates_partner;
  struct case_sde *sde; /* recipe->sdes of them */
};

/* Everything a recipe names, made and checked before anything runs. */
struct cases {
  const struct recipe *recipe;
  struct loss *loss;
  struct objective *objective;
  struct domain *domain;                       /* NULL where the recipe has none */
  struct schedule *schedule[RECIPE_SCHEDULES]; /* NULL where the recipe has none */
  struct sde_observables *observables;
  const char *const *observable_name;
  double *start;
  bool shared;    /* all of the above are those of other cases */
  bool rehearsed; /* to be described and timed, not run */
  size_t count;
  struct run_case *one;
};

/* The sides of a case are its iterates, side CASE_ITERATES, and each of its SDEs. */
enum { CASE_ITERATES = 0 };
size_t case_sides(const struct cases *cases);
size_t case_side_of_sde(size_t sde);

/* The SDE of a side other than the iterates. */
size_t case_sde_of_side(size_t side);

/* "iterates" or "SDE 1", for people. The text is released with sde_free. */
char *case_side_label(size_t side);

/* "m-usam m=2", for people. The text is released with sde_free. */
char *case_label(const struct run_case *one);

/* The length of the longest label. */
size_t case_label_width(const struct cases *cases);

/* The stream of a case for a purpose such as "sde". Streams are named after what they drive, so
 * that a case keeps its random numbers when others are added to the recipe. */
struct sde_stream case_stream(const struct cases *cases, const struct run_case *one,
                              const char *purpose);

#endif
