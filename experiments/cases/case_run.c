/*
 * Running a case: see case_run.h.
 */
#include "experiments/cases/case_run.h"

#include "experiments/cases/control.h"
#include "experiments/io/progress.h"
#include "sde/replicates.h"

#include <assert.h>
#include <math.h>

/* ---- numbers ---- */

/* Processes: the iterates, then each SDE, followed by its companion where those are run. */
size_t case_process(const struct case_processes *processes, size_t side)
{
  if (side == CASE_ITERATES)
    return 0;
  size_t sde = case_sde_of_side(side);
  assert(sde < processes->sdes);
  return 1 + (processes->companions ? 2 : 1) * sde;
}

size_t case_companion(const struct case_processes *processes, size_t sde)
{
  assert(processes->companions);
  return case_process(processes, case_side_of_sde(sde)) + 1;
}

size_t case_process_count(const struct case_processes *processes)
{
  return 1 + (processes->companions ? 2 : 1) * processes->sdes;
}

size_t case_partner(const struct case_processes *processes, size_t process)
{
  assert(process < case_process_count(processes));
  return case_process_count(processes) + process;
}

/* Pairs: with the companions, where those are run; with the iterates; with the controls. */
size_t case_pair_companion(const struct case_processes *processes, size_t sde)
{
  assert(processes->companions && sde < processes->sdes);
  return sde;
}

size_t case_pair_iterates(const struct case_processes *processes, size_t sde)
{
  assert(sde < processes->sdes);
  return (processes->companions ? processes->sdes : 0) + sde;
}

size_t case_pair_control(const struct case_processes *processes, size_t sde)
{
  return case_pair_iterates(processes, sde) + processes->sdes;
}

/* ---- the ensemble ---- */

/* Put a process, and its partner where paths are antithetic, at their places. */
static void place(const struct case_processes *processes, size_t at,
                  const struct sde_process *process, const struct sde_process *partner,
                  struct sde_ensemble *ensemble, const struct sde_process **all)
{
  all[at] = process;
  ensemble->processes++;
  if (!ensemble->antithetic)
    return;
  all[case_partner(processes, at)] = partner;
  ensemble->processes++;
}

static void place_pair(size_t at, size_t minuend, size_t subtrahend, struct sde_ensemble *ensemble,
                       struct sde_pair *all)
{
  all[at] = (struct sde_pair){minuend, subtrahend};
  ensemble->pairs++;
}

/* All sides, companions, partners and pairs into the ensemble. */
static void place_all(const struct run_case *one, const struct case_processes *processes,
                      struct sde_ensemble *ensemble, const struct sde_process **process,
                      struct sde_pair *pair)
{
  size_t iterates = case_process(processes, CASE_ITERATES);
  place(processes, iterates, one->iterates, one->iterates_partner, ensemble, process);
  for (size_t s = 0; s < processes->sdes; s++) {
    const struct case_sde *sde = &one->sde[s];
    size_t solution = case_process(processes, case_side_of_sde(s));
    place(processes, solution, sde->process, sde->partner, ensemble, process);
    place_pair(case_pair_iterates(processes, s), iterates, solution, ensemble, pair);
    if (!processes->companions)
      continue;
    size_t companion = case_companion(processes, s);
    place(processes, companion, sde->companion, sde->companion_partner, ensemble, process);
    place_pair(case_pair_companion(processes, s), solution, companion, ensemble, pair);
  }
}

/* What an ensemble of a case has but for its processes and pairs. */
static struct sde_ensemble ensemble_of(const struct case_ensemble *run)
{
  const struct cases *cases = run->cases;
  uint64_t paths = run->paths > 0 ? run->paths : run->one->paths;
  return (struct sde_ensemble){
      .paths = paths,
      .dim = run->one->dim,
      .start = run->one->start,
      .records = run->records,
      .record_steps = run->record_steps,
      .antithetic = run->one->antithetic,
      .observables = run->observables != NULL ? *run->observables : *cases->observables,
      .bound = parameters_real(cases->recipe->common, "divergence_bound"),
      .sample_paths = run->sample_paths < paths ? run->sample_paths : paths,
      .threads = run->threads,
      .progress = run->progress == NULL ? NULL : progress_paths,
      .progress_context = run->progress};
}

struct case_result case_run(const struct case_ensemble *run)
{
  const struct run_case *one = run->one;
  size_t sdes = run->cases->recipe->sdes;
  struct case_processes processes = {sdes, run->companions};
  const struct sde_process **process =
      sde_alloc(2 * case_process_count(&processes) + sdes, sizeof *process);
  struct sde_pair *pair = sde_alloc(3 * sdes, sizeof *pair);
  struct sde_ensemble ensemble = ensemble_of(run);
  ensemble.process = process;
  ensemble.pair = pair;
  place_all(one, &processes, &ensemble, process, pair);
  if (run->controls != NULL)
    controls_add(run->controls, &processes, &ensemble, process, pair);
  char *label = case_label(one);
  progress_part(run->progress, label, case_work(one, sdes, run->companions, ensemble.paths),
                ensemble.paths);
  struct case_result result = {.cases = run->cases,
                               .one = one,
                               .controls = run->controls,
                               .processes = processes,
                               .paths = ensemble.paths,
                               .record_steps = run->record_steps,
                               .ensemble = one->replicates > 0
                                               ? sde_replicates_run(&ensemble, one->replicates)
                                               : sde_ensemble_run(&ensemble)};
  progress_ran(run->progress, result.ensemble.own_paths, result.ensemble.own_work);
  if (one->replicates > 0) /* the iterates' paths are independent */
    sde_ensemble_use_pooled(&result.ensemble, case_process(&processes, CASE_ITERATES));
  for (size_t s = 0; run->controls != NULL && s < sdes; s++)
    sde_ensemble_exchange(&result.ensemble, case_process(&processes, case_side_of_sde(s)),
                          case_pair_control(&processes, s));
  sde_free(label);
  sde_free(process);
  sde_free(pair);
  return result;
}

void case_result_free(struct case_result *result)
{
  sde_ensemble_result_free(&result->ensemble);
}

size_t case_end(const struct case_result *result)
{
  return result->ensemble.records - 1;
}

double case_time(const struct case_result *result, size_t record)
{
  return (double)result->record_steps[record] * result->one->optimizer.eta;
}

struct sde_moments case_moments(const struct case_result *result, size_t side, size_t record,
                                size_t observable)
{
  return sde_ensemble_moments(&result->ensemble, case_process(&result->processes, side), record,
                              observable);
}

struct sde_moments case_companion_difference(const struct case_result *result, size_t sde,
                                             size_t record, size_t observable)
{
  return sde_ensemble_difference(&result->ensemble, case_pair_companion(&result->processes, sde),
                                 record, observable);
}

struct sde_moments case_iterates_difference(const struct case_result *result, size_t sde,
                                            size_t record, size_t observable)
{
  return sde_ensemble_difference(&result->ensemble, case_pair_iterates(&result->processes, sde),
                                 record, observable);
}

uint64_t case_diverged(const struct case_result *result, size_t side, size_t record)
{
  return sde_ensemble_diverged(&result->ensemble, case_process(&result->processes, side), record);
}

const double *case_samples(const struct case_result *result, size_t side, size_t record,
                           size_t observable)
{
  return sde_ensemble_samples(&result->ensemble, case_process(&result->processes, side), record,
                              observable);
}

const double *case_companion_samples(const struct case_result *result, size_t sde, size_t record,
                                     size_t observable)
{
  return sde_ensemble_samples(&result->ensemble, case_companion(&result->processes, sde), record,
                              observable);
}

double case_work(const struct run_case *one, size_t sdes, bool companions, uint64_t paths)
{
  double steps = 1;
  for (size_t s = 0; s < sdes; s++) {
    const struct sde_solution *solution = one->sde[s].process->solution;
    double substeps = (double)solution->substeps;
    steps += substeps * (1 + (companions ? one->sde[s].ratio : 0));
  }
  return (one->antithetic ? 2 : 1) * steps * (double)one->steps * (double)paths;
}

/* ---- what variance reduction gained ---- */

double case_antithetic_gain(const struct case_result *result, size_t side, size_t record,
                            size_t observable)
{
  if (!result->one->antithetic)
    return NAN;
  size_t process = case_process(&result->processes, side);
  double single = sde_moments_variance(sde_ensemble_moments(
      &result->ensemble, case_partner(&result->processes, process), record, observable));
  double pair = sde_moments_variance(case_moments(result, side, record, observable));
  return pair > 1e-20 * single ? single / (2 * pair) : INFINITY; /* else it is of rounding */
}

double case_quasi_gain(const struct case_result *result, size_t side, size_t record,
                       size_t observable)
{
  const struct run_case *one = result->one;
  if (one->replicates == 0)
    return NAN;
  double single = sde_moments_variance(sde_ensemble_pooled(
      &result->ensemble, case_process(&result->processes, side), record, observable));
  double points = (double)result->paths / (double)one->replicates;
  double replicate = sde_moments_variance(case_moments(result, side, record, observable));
  return single > 0 ? single / (points * replicate) : NAN;
}
