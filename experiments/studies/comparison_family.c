/*
 * Rows of one variant at several eta: see comparison_family.h.
 */
#include "experiments/studies/comparison_family.h"

#include "analysis/stability.h"
#include "experiments/studies/remainder.h"

#include <math.h>
#include <string.h>

double interval_lower_magnitude(struct interval interval)
{
  return fmax(0, fabs(interval.centre) - interval.half);
}

double interval_upper_magnitude(struct interval interval)
{
  return fabs(interval.centre) + interval.half;
}

const struct limit_options *comparison_options(const struct comparison *row)
{
  return limit_options_of(row->one->sde[row->sde].limit);
}

const char *comparison_name(const struct comparison_table *table, const struct comparison *row)
{
  return table->cases->observable_name[row->observable];
}

struct comparison comparison_of_observable(const struct comparison *row, size_t observable)
{
  struct comparison like = *row;
  like.observable = observable;
  return like;
}

bool comparison_is_reserved(const struct comparison_table *table, const struct comparison *row)
{
  return remainder_is_second_order(table->cases, &row->one->optimizer, comparison_options(row));
}

const struct comparison *comparison_extreme_eta(const struct comparison_table *table,
                                                const struct comparison *like, int sign,
                                                const struct comparison *after)
{
  const struct comparison *extreme = NULL;
  for (const struct comparison *row = table->row; row < table->row + table->count; row++) {
    double eta = row->one->optimizer.eta;
    if (comparison_same_variant(row, like) && row->observable == like->observable &&
        row->sde == like->sde && (after == NULL || sign * (after->one->optimizer.eta - eta) > 0) &&
        (extreme == NULL || sign * (eta - extreme->one->optimizer.eta) > 0))
      extreme = row;
  }
  return extreme;
}

double comparison_predicted_ratio(const struct comparison *coarse, const struct comparison *fine)
{
  return pow(fine->one->optimizer.eta / coarse->one->optimizer.eta,
             comparison_options(fine)->eta_order);
}

struct interval comparison_interval(const struct comparison_table *table,
                                    const struct comparison *row)
{
  double wide = sde_student_quantile(table->quantile, row->difference_freedom);
  return (struct interval){row->difference, wide * row->difference_se + row->scheme_error};
}

struct interval comparison_limit(const struct comparison_table *table,
                                 const struct comparison *like, bool *is_limit)
{
  const struct comparison *fine = comparison_extreme_eta(table, like, -1, NULL);
  const struct comparison *coarse = comparison_extreme_eta(table, like, 1, NULL);
  *is_limit = fine->one != coarse->one;
  if (!*is_limit)
    return comparison_interval(table, fine);
  double a = pow(fine->one->optimizer.eta, comparison_options(fine)->eta_order);
  double b = pow(coarse->one->optimizer.eta, comparison_options(fine)->eta_order);
  double u = b / (b - a), v = a / (b - a);
  double fine_se = u * fine->difference_se, coarse_se = v * coarse->difference_se;
  double freedom =
      sde_welch_freedom(fine_se, fine->difference_freedom, coarse_se, coarse->difference_freedom);
  return (struct interval){u * fine->difference - v * coarse->difference,
                           sde_student_quantile(table->quantile, freedom) *
                                   hypot(fine_se, coarse_se) +
                               u * fine->scheme_error + v * coarse->scheme_error};
}

bool comparison_stays(const struct comparison_table *table, const struct comparison *coarse,
                      const struct comparison *fine)
{
  struct interval large = comparison_interval(table, coarse);
  struct interval small = comparison_interval(table, fine);
  return large.centre * small.centre > 0 &&
         interval_lower_magnitude(small) >
             sqrt(comparison_predicted_ratio(coarse, fine)) * interval_upper_magnitude(large);
}

void comparison_add_evidence(struct evidence *evidence, enum holds holds, const char *words)
{
  if (holds == HOLDS_NO || (holds == HOLDS_YES && evidence->holds == HOLDS_UNDECIDED))
    evidence->holds = holds;
  text_add(&evidence->text, "%s%s%s", evidence->text.length == 0 ? "" : "; ", words,
           strstr(words, "(undecided") != NULL ? "" : results_flag(holds));
}

void comparison_conclude(struct results *results, const struct comparison *leader,
                         const char *claim, struct evidence *evidence)
{
  char *label = comparison_label(leader), *whole = sde_format("%s: %s", label, claim);
  bool explodes = stability_at(&leader->one->optimizer, leader->one->start).step > 2;
  bool open = evidence->holds == HOLDS_YES && (evidence->barred || explodes);
  results_verdict(results, whole, open ? HOLDS_UNDECIDED : evidence->holds, "%s%s",
                  evidence->text.data,
                  explodes ? "; at this eta the iterates explode: a smaller one would tell" : "");
  sde_free(evidence->text.data);
  sde_free(whole);
  sde_free(label);
}
