/*
 * What a run of a case leaves: which number each process and each pair has in its ensemble, what
 * was measured, and what variance reduction gained.
 */
#ifndef EXPERIMENTS_CASES_CASE_RESULT_H
#define EXPERIMENTS_CASES_CASE_RESULT_H

#include "experiments/cases/cases.h"

struct controls;

/* ---- numbers ---- */

/* Which processes and pairs the ensemble of a case has. */
struct case_processes {
  size_t sdes;
  bool companions;
};

/* The number of a process in the ensemble: of a side, of an SDE's companion, and of the antithetic
 * partner of either. */
size_t case_process(const struct case_processes *processes, size_t side);
size_t case_companion(const struct case_processes *processes, size_t sde);
size_t case_partner(const struct case_processes *processes, size_t process);

/* How many sides and companions there are; the numbers of partners and controls are beyond. */
size_t case_process_count(const struct case_processes *processes);

/* The number of a pair in the ensemble: SDE minus companion; iterates minus SDE; SDE minus control
 * variate, whose mean and factor are taken into account. */
size_t case_pair_companion(const struct case_processes *processes, size_t sde);
size_t case_pair_iterates(const struct case_processes *processes, size_t sde);
size_t case_pair_control(const struct case_processes *processes, size_t sde);

/* What a run leaves. With controls, the moments of the SDEs are those with the control taken off,
 * and their own are the differences of the controls' pairs. Of quasi-random paths the moments are
 * those of sde/replicates.h, the iterates' those of all paths. */
struct case_result {
  const struct cases *cases;
  const struct run_case *one;
  const struct controls *controls; /* NULL for none */
  struct case_processes processes;
  uint64_t paths; /* pairs where paths are antithetic */
  const uint64_t *record_steps;
  struct sde_ensemble_result ensemble;
};

/* ---- what was measured ---- */

void case_result_free(struct case_result *result);

/* The last record; the time of a record. */
size_t case_end(const struct case_result *result);
double case_time(const struct case_result *result, size_t record);

/* The moments of an observable of a side; of SDE minus companion and of iterates minus SDE, path by
 * path. */
struct sde_moments case_moments(const struct case_result *result, size_t side, size_t record,
                                size_t observable);
struct sde_moments case_companion_difference(const struct case_result *result, size_t sde,
                                             size_t record, size_t observable);
struct sde_moments case_iterates_difference(const struct case_result *result, size_t sde,
                                            size_t record, size_t observable);

/* How many paths of a side have diverged by a record. */
uint64_t case_diverged(const struct case_result *result, size_t side, size_t record);

/* An observable along the paths that are kept, as sde_ensemble_samples. */
const double *case_samples(const struct case_result *result, size_t side, size_t record,
                           size_t observable);
const double *case_companion_samples(const struct case_result *result, size_t sde, size_t record,
                                     size_t observable);

/* ---- what variance reduction gained ---- */

/* The observables of a single path beside those of a pair's mean, where paths are antithetic: by
 * how much pairs divide the variance for the same number of draws. NAN where they are not; INFINITY
 * where no variance is left but rounding's. */
double case_antithetic_gain(const struct case_result *result, size_t side, size_t record,
                            size_t observable);

/* By how much quasi-random paths divide the variance of a mean over as many independent ones: an
 * estimate from the spread of the replicates. NAN where paths are not so, or nothing varies. */
double case_quasi_gain(const struct case_result *result, size_t side, size_t record,
                       size_t observable);

#endif
