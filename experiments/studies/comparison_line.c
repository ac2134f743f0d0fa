/*
 * Lines of comparisons: see comparison_line.h.
 */
#include "experiments/studies/comparison_line.h"

#include "experiments/studies/exact_line.h"
#include "experiments/studies/tails.h"

#include <math.h>

/* An exact error below this share of the means is rounding. */
static const double rounding = 1e-12;

static bool is_exact(const struct comparison *row)
{
  return !isnan(row->exact_iterates) && !isnan(row->exact_solution);
}

static struct error_line_point point_of(const struct comparison_table *table,
                                        const struct comparison *row, bool exact)
{
  double eta = row->one->optimizer.eta;
  if (exact)
    return (struct error_line_point){
        .x = eta,
        .difference = row->exact_iterates - row->exact_solution,
        .rounding = rounding * (fabs(row->exact_iterates) + fabs(row->exact_solution)),
        .exact = true};
  double se = row->difference_se * sde_student_quantile(table->quantile, row->difference_freedom) /
              table->quantile;
  return (struct error_line_point){.x = eta,
                                   .difference = row->difference,
                                   .se = se,
                                   .own_se = se,
                                   .scheme_error = row->scheme_error};
}

/* The rows of the line, from the smallest eta on, or NULL after the last. */
static const struct comparison *next_row(const struct comparison_table *table,
                                         const struct comparison *like,
                                         const struct comparison *after)
{
  return comparison_extreme_eta(table, like, -1, after);
}

void comparison_line_make(const struct comparison_table *table, const struct comparison *like,
                          struct error_line *line)
{
  bool exact = true;
  *line = (struct error_line){.axis = "eta"};
  for (const struct comparison *row = NULL; (row = next_row(table, like, row)) != NULL;) {
    exact &= is_exact(row);
    line->count++;
  }
  line->point = sde_alloc(line->count, sizeof *line->point);
  size_t i = 0;
  for (const struct comparison *row = NULL; (row = next_row(table, like, row)) != NULL;)
    line->point[i++] = point_of(table, row, exact);
  error_line_fit(line);
  if (exact)
    exact_line_extend(table->cases, next_row(table, like, NULL)->one, like->sde, like->observable,
                      line);
}

bool comparison_line_is_heavy(const struct comparison_table *table, const struct comparison *like,
                              const struct error_line *line)
{
  return !line->exact && tails_are_heavy(table->cases, &like->one->optimizer, like->observable);
}
