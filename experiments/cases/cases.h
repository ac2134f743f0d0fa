/*
 * Cases: a recipe multiplied out. Each combination of batch, number of paths, eta, rho, optimizer
 * and micro-batch is a case: its iterates beside each SDE of the recipe.
 */
#ifndef EXPERIMENTS_CASES_CASES_H
#define EXPERIMENTS_CASES_CASES_H

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

struct run_case {
  struct optimizer optimizer;
  size_t dim;        /* of the state of its iterates and of its SDEs */
  double *start;     /* where they start: dim numbers, those of x first */
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
  struct sde_observables *observables;
  const char *const *observable_name;
  double *start;
  bool shared;    /* all of the above are those of other cases */
  bool rehearsed; /* to be described and timed, not run */
  size_t count;
  struct run_case *one;
};

/* NULL, and the status says why. */
struct cases *cases_new(const struct recipe *recipe, struct sde_status *status);

/* The same to be described and timed alone: what takes long to make is left out. */
struct cases *cases_rehearsed(const struct recipe *recipe, struct sde_status *status);

/* The same for a recipe that differs from that of `other` in the choice of scheme alone: loss,
 * objective, observables and start are those of the other cases, which must outlive these. For NULL,
 * as above. */
struct cases *cases_sharing(const struct cases *other, const struct recipe *recipe,
                            struct sde_status *status);
void cases_free(struct cases *cases);

/* The sides of a case are its iterates, side CASE_ITERATES, and each of its SDEs. */
enum { CASE_ITERATES = 0 };
size_t case_sides(const struct cases *cases);
size_t case_side_of_sde(size_t sde);

/* The SDE of a side other than the iterates. */
size_t case_sde_of_side(size_t side);

/* "iterates" or "SDE 1", for people. The text is released with sde_free. */
char *case_side_label(size_t side);

/* What part of an SDE's own error its solution and its companion differ by, for Richardson's
 * extrapolation: with error C h^p at the step h and the companion's at h / ratio, the difference is
 * C h^p (1 - ratio^-p); p is the weak order. */
double case_companion_part(const struct case_sde *sde);

/* The scheme's own error in a mean, from the paired difference `moments` of the solution and its
 * companion: |difference| plus two standard errors (Student's quantile of that level, where paths
 * are few), times the factor of Richardson's extrapolation for the scheme's weak order. */
double case_scheme_error(const struct case_sde *sde, struct sde_moments moments);

/* "m-usam m=2", for people. The text is released with sde_free. */
char *case_label(const struct run_case *one);

/* The stream of a case for a purpose such as "sde". Streams are named after what they drive, so
 * that a case keeps its random numbers when others are added to the recipe. */
struct sde_stream case_stream(const struct cases *cases, const struct run_case *one,
                              const char *purpose);

/* The recorded steps of a case: at most recipe key `records` of them after step 0, evenly spread,
 * the last step among them. The array is released with sde_free. */
uint64_t *case_record_steps(const struct cases *cases, const struct run_case *one, size_t *records);

#endif
