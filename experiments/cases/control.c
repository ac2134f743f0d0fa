/*
 * Control variates of a case: see control.h.
 */
#include "experiments/cases/control.h"

#include "sde/control_variate.h"

#include <math.h>

/* A factor from n paths leaves 1 + 1/n of the least variance. Its paths lie beyond those that a
 * recipe can ask for. */
enum { PILOT_LEAST = 64, PILOT_MOST = 256 };
static const uint64_t PILOT_FIRST = (uint64_t)1 << 41;

/* With companions, as the study compare has them, SDE s is process 1 + EACH s of an ensemble. */
enum { EACH = 2 };

struct controls {
  const struct run_case *one;
  size_t sdes, records, observables;
  uint64_t pilot;
  struct sde_control_variate **variate;
  const struct sde_process **process;
  struct sde_variate *function;
  double *factor, *mean; /* [(pair*records + record)*observables + o]: 2 pairs an SDE, then ours */
};

static size_t table_of(const struct controls *controls)
{
  return controls->records * controls->observables;
}

/* Where the rows of SDE s begin. */
static size_t first_row(const struct controls *controls, size_t sde)
{
  return (2 * controls->sdes + sde) * table_of(controls);
}

static bool make_variates(const struct cases *cases, struct controls *controls,
                          const uint64_t *record_steps, struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  size_t table = table_of(controls);
  for (size_t s = 0; s < controls->sdes; s++) {
    struct sde_status refused = {SDE_OK, ""};
    controls->variate[s] =
        sde_control_variate_new(controls->one->sde[s].process->solution, cases->loss->dim,
                                cases->start, parameters_real(common, "divergence_bound"),
                                cases->observables, controls->records, record_steps, &refused);
    if (controls->variate[s] == NULL)
      return sde_fail(status, refused.code, "%s: %s",
                      parameters_place(common, "variance_reduction"), refused.message);
    controls->process[s] = sde_control_variate_process(controls->variate[s]);
    controls->function[s] = sde_control_variate_functions(controls->variate[s]);
    for (size_t row = 0; row < table; row++)
      controls->mean[first_row(controls, s) + row] =
          sde_control_variate_mean(controls->variate[s])[row];
  }
  for (size_t row = 0; row < first_row(controls, 0); row++)
    controls->factor[row] = 1;
  return true;
}

static void run_pilot(const struct cases *cases, struct controls *controls,
                      const uint64_t *record_steps, int threads)
{
  size_t sdes = controls->sdes, table = table_of(controls);
  const struct sde_process **process = sde_alloc(2 * sdes, sizeof *process);
  struct sde_pair *pair = sde_alloc(sdes, sizeof *pair);
  for (size_t s = 0; s < sdes; s++) {
    process[s] = controls->one->sde[s].process;
    process[sdes + s] = controls->process[s];
    pair[s] = (struct sde_pair){s, sdes + s};
  }
  struct sde_ensemble ensemble = {.paths = controls->pilot,
                                  .first_path = PILOT_FIRST,
                                  .dim = cases->loss->dim,
                                  .start = cases->start,
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
  for (size_t row = 0; row < sdes * table; row++)
    controls->factor[first_row(controls, 0) + row] = sde_control_variate_factor(
        result.moments[row], result.moments[sdes * table + row], result.differences[row]);
  sde_ensemble_result_free(&result);
  sde_free(process);
  sde_free(pair);
}

struct controls *controls_new(const struct cases *cases, const struct run_case *one, size_t records,
                              const uint64_t *record_steps, int threads, struct sde_status *status)
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
  if (!make_variates(cases, controls, record_steps, status)) {
    controls_free(controls);
    return NULL;
  }
  if (sdes > 0)
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

void controls_add(const struct controls *controls, struct sde_ensemble *ensemble,
                  const struct sde_process **process, struct sde_pair *pair)
{
  for (size_t s = 0; s < controls->sdes; s++) {
    pair[ensemble->pairs++] = (struct sde_pair){1 + EACH * s, ensemble->processes};
    process[ensemble->processes++] = controls->process[s];
  }
  ensemble->variates = controls->sdes;
  ensemble->variate = controls->function;
  ensemble->pair_factor = controls->factor;
  ensemble->pair_mean = controls->mean;
}

void controls_exchange(const struct controls *controls, struct sde_ensemble_result *result)
{
  size_t table = table_of(controls);
  for (size_t s = 0; s < controls->sdes; s++)
    for (size_t row = 0; row < table; row++) {
      struct sde_moments *plain = &result->moments[(1 + EACH * s) * table + row];
      struct sde_moments *controlled = &result->differences[first_row(controls, s) + row];
      struct sde_moments kept = *plain;
      *plain = *controlled;
      *controlled = kept;
    }
}

struct control_gain controls_gain(const struct controls *controls,
                                  const struct sde_ensemble_result *result, size_t record,
                                  size_t sde, size_t observable)
{
  const struct case_sde *solved = &controls->one->sde[sde];
  const struct sde_solution *solution = solved->process->solution;
  size_t row = record * controls->observables + observable;
  double plain = sde_moments_variance(result->differences[first_row(controls, sde) + row]);
  double left = sde_moments_variance(result->moments[(1 + EACH * sde) * table_of(controls) + row]);
  uint64_t substeps = solved->scheme->exact ? solution->resolution : solution->substeps;
  double each = (double)substeps * sde_scheme_evaluations(solved->scheme, &solved->system);
  double paths = (double)controls->one->paths, steps = (double)controls->one->steps;
  double with = (paths + (double)controls->pilot) * (each + 1) * steps +
                sde_control_variate_evaluations(controls->variate[sde]);
  double gain = left > 1e-20 * plain ? plain / left : plain > 0 ? INFINITY : NAN;
  return (struct control_gain){controls->factor[first_row(controls, sde) + row], gain,
                               each > 0 ? gain * paths * each * steps / with : NAN};
}
