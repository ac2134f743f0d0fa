/*
 * How a case is run to a tolerance: the levels of each SDE and the paths of the iterates. Private
 * to the files of tolerance.h.
 */
#ifndef EXPERIMENTS_STUDIES_TOLERANCE_RUN_H
#define EXPERIMENTS_STUDIES_TOLERANCE_RUN_H

#include "experiments/cases/cases.h"
#include "experiments/io/progress.h"
#include "sde/multilevel.h"

/* What runs: of `parts` equal ones, those before this are done, and of this a share. */
struct tolerance_watch {
  struct progress *progress;
  double parts, part, share;
  char *label;
  double tolerance;
  bool chosen; /* the pilots are over, and the levels know what they will take */
};

/* One SDE of a case. */
struct tolerance_answer {
  struct sde_multilevel *levels;
  struct sde_plain same, euler;  /* paths is NAN where plain Euler-Maruyama is not known */
  double normals, evaluations;   /* that all took, with those of schemes tried and not taken */
  uint64_t own_paths, own_work;  /* that this rank ran for it, of whatever scheme */
  struct tolerance_watch *watch; /* NULL where nobody looks on */
};

struct tolerance_case {
  const struct cases *cases;
  const struct run_case *one;
  struct tolerance_answer *answer; /* [sde] */
  struct sde_moments *iterates;    /* [observable] */
  uint64_t iterates_diverged;
};

/* The part that is next. */
void tolerance_watch_next(struct tolerance_watch *watch, const struct run_case *one,
                          const char *what);

/* Paths until every standard error is within the tolerance; the variance is estimated anew after
 * each round. */
bool tolerance_run_iterates(struct tolerance_case *done, int threads, struct tolerance_watch *watch,
                            struct sde_status *status);

/* Pilot runs of all candidates, and of Euler-Maruyama to compare with, which is counted where it is
 * a candidate. The first refusal is told where no candidate is left. */
bool tolerance_choose(const struct cases *cases, const struct run_case *one, size_t sde,
                      int threads, struct tolerance_answer *answer, struct sde_status *status);

/* All levels of one SDE, by the scheme that is chosen. */
bool tolerance_run_sde(const struct cases *cases, const struct run_case *one, size_t sde,
                       int threads, struct tolerance_answer *answer, struct sde_status *status);

#endif
