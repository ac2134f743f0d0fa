/*
 * What a run of a case leaves: see case_result.h.
 */
#include "experiments/cases/case_result.h"

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

/* ---- what was measured ---- */

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
