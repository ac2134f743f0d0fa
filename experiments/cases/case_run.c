/*
 * Running a case: see case_run.h.
 */
#include "experiments/cases/case_run.h"

#include "experiments/cases/control.h"
#include "experiments/io/progress.h"
#include "sde/replicates.h"

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
      .keeper = progress_keeper(run->progress),
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
