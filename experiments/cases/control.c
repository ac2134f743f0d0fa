/*
 * Control variates of a case: see control.h.
 */
#include "experiments/cases/control.h"

#include "sde/control_variate.h"

#include <math.h>
#include <string.h>

/* A factor from n paths leaves 1 + 1/n of the least variance. Its paths lie beyond those that a
 * recipe can ask for. */
enum { PILOT_LEAST = 64, PILOT_MOST = 256 };
static const uint64_t PILOT_FIRST = (uint64_t)1 << 41;

struct controls {
  const struct run_case *one;
  size_t sdes, records, observables;
  uint64_t pilot;
  struct sde_control_variate **variate;
  const struct sde_process **process;
  struct sde_variate *function;
  double *factor, *mean; /* as pair_factor and pair_mean of the case's ensemble */
};

/* What the controls are made for: a case's ensemble with companions. */
static struct case_processes processes_of(const struct controls *controls)
{
  return (struct case_processes){.sdes = controls->sdes, .companions = true};
}

/* The row of a mean of SDE s in `factor` and `mean`. */
static size_t row_of(const struct controls *controls, size_t sde, size_t record, size_t observable)
{
  struct case_processes processes = processes_of(controls);
  size_t pair = case_pair_control(&processes, sde);
  return (pair * controls->records + record) * controls->observables + observable;
}

static bool make_variates(const struct cases *cases, struct controls *controls,
                          const uint64_t *record_steps, struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  for (size_t s = 0; s < controls->sdes; s++) {
    struct sde_status refused = {SDE_OK, ""};
    controls->variate[s] =
        sde_control_variate_new(controls->one->sde[s].process->solution, controls->one->dim,
                                controls->one->start, parameters_real(common, "divergence_bound"),
                                cases->observables, controls->records, record_steps, &refused);
    if (controls->variate[s] == NULL)
      return sde_fail(status, refused.code, "%s: %s",
                      parameters_place(common, "variance_reduction"), refused.message);
    controls->process[s] = sde_control_variate_process(controls->variate[s]);
    controls->function[s] = sde_control_variate_functions(controls->variate[s]);
    memcpy(controls->mean + row_of(controls, s, 0, 0),
           sde_control_variate_mean(controls->variate[s]),
           controls->records * controls->observables * sizeof *controls->mean);
  }
  return true;
}

static void run_pilot(const struct cases *cases, struct controls *controls,
                      const uint64_t *record_steps, int threads)
{
  size_t sdes = controls->sdes;
  const struct sde_process **process = sde_alloc(2 * sdes, sizeof *process);
  struct sde_pair *pair = sde_alloc(sdes, sizeof *pair);
  for (size_t s = 0; s < sdes; s++) {
    process[s] = controls->one->sde[s].process;
    process[sdes + s] = controls->process[s];
    pair[s] = (struct sde_pair){s, sdes + s};
  }
  struct sde_ensemble ensemble = {.paths = controls->pilot,
                                  .first_path = PILOT_FIRST,
                                  .dim = controls->one->dim,
                                  .start = controls->one->start,
                                  .records = controls->records,
                                  .record_steps = record_steps,
                                  .processes = 2 * sdes,
                                  .process = process,
                                  .pairs = sdes,
                                  .pair = pair,
                                  .variates = sdes,
                                  .variate = controls->function,
                                  .observables = *cases->observables,
                                  .bound =
                                      parameters_real(cases->recipe->common, "divergence_bound"),
                                  .threads = threads};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t s = 0; s < sdes; s++)
    for (size_t r = 0; r < controls->records; r++)
      for (size_t o = 0; o < controls->observables; o++)
        controls->factor[row_of(controls, s, r, o)] = sde_control_variate_factor(
            sde_ensemble_moments(&result, s, r, o), sde_ensemble_moments(&result, sdes + s, r, o),
            sde_ensemble_difference(&result, s, r, o));
  sde_ensemble_result_free(&result);
  sde_free(process);
  sde_free(pair);
}

/* All but the pilot. */
static struct controls *begin(const struct cases *cases, const struct run_case *one, size_t records,
                              const uint64_t *record_steps, struct sde_status *status)
{
  struct controls *controls = sde_alloc(1, sizeof *controls);
  size_t sdes = cases->recipe->sdes, rows = 3 * sdes * records * cases->observables->count;
  *controls = (struct controls){.one = one,
                                .sdes = sdes,
                                .records = records,
                                .observables = cases->observables->count,
                                .pilot = one->paths < PILOT_LEAST  ? PILOT_LEAST
                                         : one->paths > PILOT_MOST ? PILOT_MOST
                                                                   : one->paths,
                                .variate = sde_alloc(sdes, sizeof(struct sde_control_variate *)),
                                .process = sde_alloc(sdes, sizeof(struct sde_process *)),
                                .function = sde_alloc(sdes, sizeof(struct sde_variate)),
                                .factor = sde_alloc(rows, sizeof(double)),
                                .mean = sde_alloc(rows, sizeof(double))};
  for (size_t row = 0; row < rows; row++)
    controls->factor[row] = 1;
  if (make_variates(cases, controls, record_steps, status))
    return controls;
  controls_free(controls);
  return NULL;
}

bool controls_check(const struct cases *cases, const struct run_case *one,
                    struct sde_status *status)
{
  size_t records;
  uint64_t *record_steps = case_record_steps(cases, one, &records);
  struct controls *controls = begin(cases, one, records, record_steps, status);
  bool good = controls != NULL;
  controls_free(controls);
  sde_free(record_steps);
  return good;
}

struct controls *controls_new(const struct cases *cases, const struct run_case *one, size_t records,
                              const uint64_t *record_steps, int threads, struct sde_status *status)
{
  struct controls *controls = begin(cases, one, records, record_steps, status);
  if (controls != NULL && controls->sdes > 0)
    run_pilot(cases, controls, record_steps, threads);
  return controls;
}

void controls_free(struct controls *controls)
{
  if (controls == NULL)
    return;
  for (size_t s = 0; s < controls->sdes; s++)
    sde_control_variate_free(controls->variate[s]);
  sde_free(controls->variate);
  sde_free(controls->process);
  sde_free(controls->function);
  sde_free(controls->factor);
  sde_free(controls->mean);
  sde_free(controls);
}

void controls_add(const struct controls *controls, const struct case_processes *processes,
                  struct sde_ensemble *ensemble, const struct sde_process **process,
                  struct sde_pair *pair)
{
  for (size_t s = 0; s < controls->sdes; s++) {
    pair[case_pair_control(processes, s)] =
        (struct sde_pair){case_process(processes, case_side_of_sde(s)), ensemble->processes};
    ensemble->pairs++;
    process[ensemble->processes++] = controls->process[s];
  }
  ensemble->variates = controls->sdes;
  ensemble->variate = controls->function;
  ensemble->pair_factor = controls->factor;
  ensemble->pair_mean = controls->mean;
}

struct control_gain controls_gain(const struct case_result *result, size_t record, size_t sde,
                                  size_t observable)
{
  const struct controls *controls = result->controls;
  if (controls == NULL)
    return (struct control_gain){NAN, NAN, NAN};
  const struct case_sde *solved = &controls->one->sde[sde];
  const struct sde_solution *solution = solved->process->solution;
  double plain = sde_moments_variance(sde_ensemble_difference(
      &result->ensemble, case_pair_control(&result->processes, sde), record, observable));
  double left =
      sde_moments_variance(case_moments(result, case_side_of_sde(sde), record, observable));
  uint64_t substeps = solved->scheme->exact ? solution->resolution : solution->substeps;
  double each = (double)substeps * sde_scheme_evaluations(solved->scheme, &solved->system);
  double paths = (double)controls->one->paths, steps = (double)controls->one->steps;
  double with = (paths + (double)controls->pilot) * (each + 1) * steps +
                sde_control_variate_evaluations(controls->variate[sde]);
  double gain = left > 1e-20 * plain ? plain / left : plain > 0 ? INFINITY : NAN;
  return (struct control_gain){controls->factor[row_of(controls, sde, record, observable)], gain,
                               each > 0 ? gain * paths * each * steps / with : NAN};
}
