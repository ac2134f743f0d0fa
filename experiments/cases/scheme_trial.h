/*
 * Trying a scheme on a recipe: a pilot of its cases with a part of their paths, which tells the
 * scheme's error and so the substeps that it needs. Private to the choice of scheme, but for what
 * is asked of a recipe.
 */
#ifndef EXPERIMENTS_CASES_SCHEME_TRIAL_H
#define EXPERIMENTS_CASES_SCHEME_TRIAL_H

#include "experiments/cases/cases.h"

struct progress;

/* A pilot of fewer paths decides nothing, unless they are all that the run has: from so many on a
 * standard error is known to 1/sqrt(2 n), 9 %. */
enum { SCHEME_TRIAL_DECIDES = 64 };

/* The scheme's error may be this part of the sampling error. */
static const double scheme_error_share = 0.5;

/* All pilots together may take this part of the work of the run that is chosen. */
static const double scheme_trial_share = 0.25;

/* What the choice is made for, and the work it took so far. */
struct scheme_trials {
  struct recipe *recipe;
  const struct cases *given; /* the recipe's, whose data are not read again; or NULL */
  int threads;
  struct progress *progress;
  double spent;
  uint64_t own_work; /* path-steps of pilots on this rank */
  bool cramped;      /* a scheme was not tried, for want of work */
};

/* How trying a scheme ended: without room, a pilot that decides would take more than its share. */
enum scheme_outcome { SCHEME_TRIED, SCHEME_REFUSED, SCHEME_HOPELESS, SCHEME_NO_ROOM };

/* A scheme that is tried, and what the pilot told. */
struct scheme_candidate {
  const struct sde_scheme *scheme;
  /* The scheme's error over its share of the sampling error, at `substeps`; INFINITY where that is
   * not known: paths diverged, or there was no sampling error. */
  double excess;
  bool diverged;
  double order; /* its weak order on the recipe's systems */
  double unit; /* cost of a step: evaluations of the system, normals a Wiener process as one more */
  uint64_t substeps;
  double work; /* of the whole run with it */
};

/* Does the recipe leave the scheme of an SDE to the program? */
bool scheme_trial_is_automatic(const struct recipe *recipe, size_t sde);

/* Are the substeps left to the program too? */
bool scheme_trial_leaves_substeps(const struct recipe *recipe);

/* The work of one path of a case, of whose scheme the case is, SDEs whose substeps are left to the
 * program at so many. */
double scheme_trial_path_work(const struct cases *cases, const struct run_case *one,
                              uint64_t substeps);

/* The work of a run by the scheme of the cases, SDEs whose substeps are left to the program at so
 * many. */
double scheme_trial_run_work(const struct cases *cases, uint64_t substeps);

/* Would a pilot by the scheme of the cases have room beside a run of so much work by the first
 * scheme, with as few paths as decide and one substep? */
bool scheme_trial_has_room(const struct cases *cases, double first_work);

/* Set what a step of the candidate costs, and its order, the worst over the SDEs of all cases. */
void scheme_trial_set_unit(const struct cases *cases, struct scheme_candidate *candidate);

/* Paths of a case's pilot, where `most` is the most that any has. */
uint64_t scheme_trial_pilot_paths(const struct run_case *one, uint64_t most);

/* Try a scheme on all cases with ever more substeps, until no path diverges. */
enum scheme_outcome scheme_trial_run(struct scheme_trials *choice,
                                     const struct scheme_candidate *best,
                                     struct scheme_candidate *candidate, struct sde_status *status);

#endif
