/*
 * The tables of comparisons, in files, in the summary and for people: see comparison.h.
 */
#include "experiments/results/case_columns.h"
#include "experiments/studies/comparison.h"

#include <math.h>

/* ---- columns ---- */

static struct cell survival(const void *difference)
{
  return (struct cell){.kind = isnan(*(const double *)difference) ? CELL_TEXT : CELL_MISSING,
                       .text = "no path survived"};
}

static const struct columns columns = {
    "compare.csv",
    (const struct column[]){
        COLUMNS_OF_CASE(comparison),
        COLUMN_OF_SDE(comparison),
        COLUMN_OF_OBSERVABLE(comparison, name),
        {"time", COLUMN_FIELD(comparison, time)},
        COLUMNS_OF_MOMENTS("iterates_", "iterates.", "iterates", comparison, iterates),
        {"iterates_diverged", "iterates.diverged", COLUMN_FIELD(comparison, iterates_diverged)},
        COLUMNS_OF_MOMENTS("sde_", "sde.", "SDE", comparison, solution),
        {"sde_diverged", "sde.diverged", COLUMN_FIELD(comparison, solution_diverged)},
        {"difference", NULL, "difference", NULL, 10, 3, COLUMN_FIELD(comparison, difference)},
        {"difference_se", NULL, "s.e.", " +- ", -8, 2, COLUMN_FIELD(comparison, difference_se)},
        {"coupled", COLUMN_FIELD(comparison, coupled)},
        {.key = "variance_reduction", COLUMN_FIELD(comparison, variance_reduction)},
        {"scheme_error", NULL, "scheme error", NULL, 12, 1, COLUMN_FIELD(comparison, scheme_error)},
        {"exact_iterates", NULL, "exact iterates", NULL, 14, 5,
         COLUMN_FIELD(comparison, exact_iterates)},
        {"exact_sde", NULL, "exact SDE", NULL, 11, 5, COLUMN_FIELD(comparison, exact_solution)},
        {.heading = "", COLUMN_READ(comparison, difference, double, survival)},
        {.read = NULL}}};

static const char *const keys[] = {
    KEYS_OF_CASE, "observable",         "time",         "sde_index",  "iterates",
    "sde",        "exact_iterates",     "exact_sde",    "difference", "difference_se",
    "coupled",    "variance_reduction", "scheme_error", NULL};

static const struct columns differences = {
    "differences.csv",
    (const struct column[]){COLUMNS_OF_CASE(comparison),
                            COLUMN_OF_SDE(comparison),
                            COLUMN_OF_OBSERVABLE(comparison, name),
                            {"time", COLUMN_FIELD(comparison, time)},
                            {"difference", COLUMN_FIELD(comparison, difference)},
                            {"se", COLUMN_FIELD(comparison, difference_se)},
                            {"coupled", COLUMN_FIELD(comparison, coupled)},
                            {"scheme_error", COLUMN_FIELD(comparison, scheme_error)},
                            {.read = NULL}}};

void comparison_write(struct results *results, const struct comparison *row)
{
  columns_write(results, &columns, row);
}

void comparison_write_differences(struct results *results, size_t count,
                                  const struct comparison *rows)
{
  columns_begin(results, &differences);
  for (size_t i = 0; i < count; i++)
    columns_write(results, &differences, &rows[i]);
}

json_t *comparison_json(const struct comparison *row)
{
  return columns_json(&columns, keys, row);
}

/* ---- for people ---- */

/* Is no SDE before this one, nor this one in an earlier case, apart for the same reason? */
static bool is_first_apart(const struct cases *cases, size_t index, size_t sde)
{
  const char *why = cases->one[index].sde[sde].apart;
  for (size_t s = 0; s <= sde; s++)
    for (size_t i = 0; i < (s < sde ? cases->count : index); i++)
      if (cases->one[i].sde[s].apart == why)
        return false;
  return true;
}

static void note_apart(struct results *results, const struct cases *cases, const char *why)
{
  results_note(results, false, "Optimizer and");
  const char *separator = "";
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    size_t apart = 0;
    for (size_t i = 0; i < cases->count; i++)
      apart += cases->one[i].sde[s].apart == why;
    if (apart == 0)
      continue;
    results_note(results, false, "%s SDE %zu", separator, s);
    if (apart < cases->count)
      results_note(results, false, " in %zu of %zu cases", apart, cases->count);
    separator = ",";
  }
  results_note(results, false, " use independent random numbers: %s\n", why);
}

/* By how much the coupling reduced variances, and which SDEs are not coupled and why. */
static void note_coupling(struct results *results, const struct cases *cases,
                          const struct comparison *all, size_t count)
{
  double least = INFINITY, most = 0;
  for (const struct comparison *row = all; row < all + count; row++)
    if (isfinite(row->variance_reduction)) {
      least = fmin(least, row->variance_reduction);
      most = fmax(most, row->variance_reduction);
    }
  if (least <= most)
    results_note(results, false,
                 "Coupled: iterates and SDE share their Brownian paths, which divides the variance "
                 "of the difference by %.3g to %.3g\n",
                 least, most);
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    for (size_t i = 0; i < cases->count; i++)
      if (cases->one[i].sde[s].apart != NULL && is_first_apart(cases, i, s))
        note_apart(results, cases, cases->one[i].sde[s].apart);
}

/* By how much antithetic pairs divided variances for the same number of draws. */
static void note_antithetic(struct results *results, const struct comparison *all, size_t count)
{
  double least[2] = {INFINITY, INFINITY}, most[2] = {0, 0};
  for (const struct comparison *row = all; row < all + count; row++)
    for (size_t i = 0; i < 2; i++) {
      double gain = i == 0 ? row->iterates_gain : row->solution_gain;
      least[i] = fmin(least[i], gain);
      most[i] = fmax(most[i], gain);
    }
  if (least[0] <= most[0])
    results_note(
        results, false,
        "Antithetic: standard errors are those of means of pairs, which for the same draws "
        "have a variance\nsmaller by %.3g to %.3g (iterates) and %.3g to %.3g (SDE)\n",
        least[0], most[0], least[1], most[1]);
}

/* What quasi-random paths ran, and by how much they divided variances. */
static void note_quasi(struct results *results, const struct comparison *all, size_t count)
{
  double least = INFINITY, most = 0, replicates = (double)all[0].one->replicates;
  double fewest = INFINITY, points = 0;
  for (const struct comparison *row = all; row < all + count; row++) {
    least = fmin(least, row->quasi_gain);
    most = fmax(most, row->quasi_gain);
    fewest = fmin(fewest, (double)row->one->paths / replicates);
    points = fmax(points, (double)row->one->paths / replicates);
  }
  if (replicates == 0)
    return;
  results_note(results, false, "Quasi-random: SDE paths run in %.0f replicates of %.0f", replicates,
               fewest);
  if (fewest < points)
    results_note(results, false, " to %.0f", points);
  results_note(results, false, ", which n counts; the iterates are independent paths, as many\n");
  if (least <= most)
    results_note(results, false,
                 "Means of as many independent SDE paths have a variance larger by %.3g to %.3g, "
                 "each known to some %.0f %%\n",
                 least, most, 100 * sqrt(2 / (replicates - 1)));
}

/* By how much control variates divided the variances of SDEs. */
static void note_controls(struct results *results, const struct comparison *all, size_t count)
{
  struct control_gain least = {0, INFINITY, INFINITY}, most = {0, 0, 0};
  size_t exact = 0;
  for (const struct comparison *row = all; row < all + count; row++) {
    least.variance = fmin(least.variance, row->control.variance);
    most.variance = fmax(most.variance, row->control.variance);
    least.evaluations = fmin(least.evaluations, row->control.evaluations);
    most.evaluations = fmax(most.evaluations, row->control.evaluations);
    exact += !isnan(row->exact_solution);
  }
  if (!(least.variance <= most.variance))
    return;
  results_note(
      results, false,
      "Control variates: SDE paths less what a linearised SDE has in common with them have "
      "a variance\nsmaller by %.3g to %.3g",
      least.variance, most.variance);
  if (least.evaluations <= most.evaluations)
    results_note(results, false, ", for as many evaluations by %.3g to %.3g", least.evaluations,
                 most.evaluations);
  results_note(results, false, "; the iterates have none\n");
  if (exact > 0)
    results_note(results, false,
                 "%zu of %zu means of SDEs are known exactly, and need no control variate\n", exact,
                 count);
}

void comparison_print(struct results *results, const struct cases *cases,
                      const struct comparison *all, size_t count)
{
  if (count == 0)
    return;
  results_note(results, false,
               "At time %g, mean +- standard error; difference is iterates minus SDE\n",
               all[0].time);
  columns_print_headings(results, &columns);
  for (size_t i = 0; i < count; i++)
    columns_print(results, &columns, &all[i]);
  note_coupling(results, cases, all, count);
  note_antithetic(results, all, count);
  note_quasi(results, all, count);
  note_controls(results, all, count);
  results_note(results, false, "\n");
}
