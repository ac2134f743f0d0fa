/*
 * Series: see series.h.
 */
#include "experiments/results/series.h"

#include "experiments/results/case_columns.h"
#include "models/formula.h"

#include <inttypes.h>
#include <math.h>

const struct columns series_columns = {
    "series.csv", (const struct column[]){COLUMNS_OF_CASE(series_row),
                                          COLUMNS_OF_SIDE(series_row),
                                          COLUMN_OF_OBSERVABLE(series_row, observable),
                                          {"time", COLUMN_FIELD(series_row, time)},
                                          COLUMNS_OF_MOMENTS("", "", "mean", series_row, moments),
                                          {"diverged", COLUMN_FIELD(series_row, diverged)},
                                          {.read = NULL}}};

struct series_row series_row_of(const struct case_result *result, size_t side, size_t record,
                                size_t observable)
{
  return (struct series_row){.one = result->one,
                             .side = side,
                             .observable = result->cases->observable_name[observable],
                             .time = case_time(result, record),
                             .moments = case_moments(result, side, record, observable),
                             .diverged = case_diverged(result, side, record)};
}

static void write_side(struct results *results, const struct case_result *result, size_t side)
{
  for (size_t o = 0; o < result->ensemble.observables; o++)
    for (size_t r = 0; r < result->ensemble.records; r++) {
      struct series_row row = series_row_of(result, side, r, o);
      columns_write(results, &series_columns, &row);
    }
}

/* The first mean of a side that is not a number, though paths survive; false where all are. */
static bool find_undefined(const struct case_result *result, size_t side, size_t *record,
                           size_t *observable)
{
  for (*record = 0; *record < result->ensemble.records; ++*record)
    for (*observable = 0; *observable < result->ensemble.observables; ++*observable) {
      struct sde_moments moments = case_moments(result, side, *record, *observable);
      if (moments.n > 0 && !isfinite(moments.mean))
        return true;
    }
  return false;
}

/* A formula has no value where one of its operations has none, which its derivatives need not
 * show. */
static void report_undefined(struct results *results, const struct case_result *result, size_t side)
{
  size_t record, observable;
  bool undefined = find_undefined(result, side, &record, &observable);
  char *partial = undefined ? formula_partial(result->cases->loss) : NULL;
  if (partial == NULL)
    return;
  const struct optimizer *optimizer = &result->one->optimizer;
  char *label = case_label(result->one), *what = case_side_label(side);
  results_note(results, true,
               "sharpsde: %s, eta %g, rho %g, %s: the mean of %s is not a number at time %g, as "
               "happens where the formula has no value, by %s\n",
               label, optimizer->eta, optimizer->rho, what,
               result->cases->observable_name[observable], case_time(result, record), partial);
  sde_free(label);
  sde_free(what);
  sde_free(partial);
}

void series_write(struct results *results, const struct case_result *result)
{
  for (size_t side = 0; side < case_sides(result->cases); side++)
    write_side(results, result, side);
  for (size_t side = 0; side < case_sides(result->cases); side++)
    report_undefined(results, result, side);
}

const char *series_survivors(uint64_t diverged, double paths)
{
  return (double)diverged < paths ? "means are over the survivors"
                                  : "none survived, so there is no mean";
}

/* `what` is a process, by its number, for people. */
static void report_diverged(struct results *results, const struct case_result *result,
                            size_t process, const char *what)
{
  const struct cases *cases = result->cases;
  const struct optimizer *optimizer = &result->one->optimizer;
  uint64_t diverged = sde_ensemble_diverged(&result->ensemble, process, case_end(result));
  uint64_t first = sde_ensemble_first_divergence(&result->ensemble, process);
  double paths = (double)result->paths;
  if (diverged == 0)
    return;
  char *label = case_label(result->one), *partial = formula_partial(cases->loss);
  results_note(results, true,
               "sharpsde: %s, eta %g, rho %g, %s: %" PRIu64 " of %" PRIu64
               " paths diverged, the first at time %g; %s%s%s\n",
               label, optimizer->eta, optimizer->rho, what, diverged, result->paths,
               (double)first * optimizer->eta, series_survivors(diverged, paths),
               partial == NULL ? "" : "; a path diverges also where the formula has no value, by ",
               partial == NULL ? "" : partial);
  sde_free(label);
  sde_free(partial);
  if ((double)diverged > parameters_real(cases->recipe->common, "max_diverged") * paths)
    results_fail(results);
}

void series_report_divergence(struct results *results, const struct case_result *result)
{
  for (size_t side = 0; side < case_sides(result->cases); side++) {
    char *label = case_side_label(side);
    report_diverged(results, result, case_process(&result->processes, side), label);
    if (side != CASE_ITERATES && result->processes.companions) {
      char *companion = sde_format("%s (companion)", label);
      report_diverged(results, result, case_companion(&result->processes, case_sde_of_side(side)),
                      companion);
      sde_free(companion);
    }
    sde_free(label);
  }
}
