/*
 * Verdicts of comparisons: what theory says of the difference as eta falls, by what the SDE leaves
 * out, and of the variance term. See comparison.h.
 */
#include "experiments/results/interval_words.h"
#include "experiments/studies/comparison_family.h"
#include "experiments/studies/remainder.h"

#include <math.h>

/* Does theory leave this SDE a difference of first order in rho, whatever eta is? */
static bool has_floor(const struct comparison_table *table, const struct comparison *row)
{
  const struct optimizer *optimizer = &row->one->optimizer;
  return optimizer->rho > 0 &&
         remainder_is_first_order(table->cases, optimizer, comparison_options(row));
}

/* Or one of higher orders beside? Then what stays cannot be attributed to one term. */
static bool has_more(const struct comparison_table *table, const struct comparison *row)
{
  return remainder_has_higher_orders(table->cases, &row->one->optimizer, comparison_options(row));
}

/* Is it expanded to first order in rho, with a part of second order that may show? */
static bool is_reserved(const struct comparison_table *table, const struct comparison *row)
{
  return remainder_is_second_order(table->cases, &row->one->optimizer, comparison_options(row));
}

/* Does theory let the difference of both fall alike as eta does? */
static bool has_orders_of(const struct limit_options *options, const struct limit_options *like)
{
  return options->eta_order == like->eta_order &&
         (options->factor == LIMIT_FACTOR_NONE) == (like->factor == LIMIT_FACTOR_NONE);
}

static const char *name_of(const struct comparison_table *table, const struct comparison *row)
{
  return table->cases->observable_name[row->observable];
}

static struct comparison of_observable(const struct comparison *row, size_t observable)
{
  struct comparison like = *row;
  like.observable = observable;
  return like;
}

/* Is this the first row of its variant and SDE, whatever its observable and eta? */
static bool leads_group(const struct comparison_table *table, const struct comparison *row)
{
  for (const struct comparison *before = table->row; before < row; before++)
    if (comparison_same_variant(before, row) && before->sde == row->sde)
      return false;
  return true;
}

static bool has_two_etas(const struct comparison_table *table, const struct comparison *row)
{
  return comparison_extreme_eta(table, row, 1, NULL)->one !=
         comparison_extreme_eta(table, row, -1, NULL)->one;
}

/* ---- the difference falls ---- */

/* The difference is C eta^alpha to leading order, so between two learning rates it must keep its
 * sign and fall by the predicted ratio: within a factor of its square root to be called so, and
 * surely outside to be called otherwise. Falling too fast is no agreement either: a part that does
 * not fall can cancel one that does. */
static enum holds judge_ratio(struct interval large, struct interval small, double predicted)
{
  double upper = interval_upper_magnitude(small) / interval_lower_magnitude(large);
  double lower = interval_lower_magnitude(small) / interval_upper_magnitude(large);
  bool resolved = interval_lower_magnitude(large) > 0 && interval_lower_magnitude(small) > 0;
  bool same_sign = large.centre * small.centre > 0;
  if (resolved && same_sign && upper < sqrt(predicted) && lower > pow(predicted, 1.5))
    return HOLDS_YES;
  if ((resolved && !same_sign) || lower > sqrt(predicted) ||
      (interval_lower_magnitude(large) > 0 && upper < pow(predicted, 1.5)))
    return HOLDS_NO;
  return HOLDS_UNDECIDED;
}

/* May a miss be a part of order rho^2, which denies nothing? Not where an SDE that is exact in rho
 * stands beside and misses too. */
static bool is_excused(const struct comparison_table *table, const struct comparison *like)
{
  if (!is_reserved(table, like))
    return false;
  for (size_t s = 0; s < table->cases->recipe->sdes; s++) {
    struct comparison exact = *like;
    exact.sde = s;
    const struct comparison *coarse = comparison_extreme_eta(table, &exact, 1, NULL);
    const struct comparison *fine = comparison_extreme_eta(table, &exact, -1, NULL);
    const struct limit_options *options = comparison_options(fine);
    if (options->rho_order == LIMIT_RHO_ORDER_EXACT &&
        has_orders_of(options, comparison_options(like)) &&
        judge_ratio(comparison_interval(table, coarse), comparison_interval(table, fine),
                    comparison_predicted_ratio(coarse, fine)) == HOLDS_NO)
      return false;
  }
  return true;
}

static void judge_shrinking(const struct comparison_table *table, const struct comparison *coarse,
                            const struct comparison *fine, struct evidence *evidence)
{
  struct interval large = comparison_interval(table, coarse);
  struct interval small = comparison_interval(table, fine);
  const char *name = name_of(table, fine);
  char text[384];
  if (isnan(large.centre) || isnan(small.centre)) {
    snprintf(text, sizeof text, "%s: no path survived", name);
    comparison_add_evidence(evidence, HOLDS_UNDECIDED, text);
    return;
  }
  enum holds holds = judge_ratio(large, small, comparison_predicted_ratio(coarse, fine));
  if (holds == HOLDS_NO && is_excused(table, fine)) {
    holds = HOLDS_UNDECIDED;
    evidence->barred = true;
  }
  if (interval_lower_magnitude(large) > 0)
    snprintf(text, sizeof text, "%s: %s at eta %g, %s at eta %g, ratio %.2f", name,
             interval_words(large.centre, large.half).text, coarse->one->optimizer.eta,
             interval_words(small.centre, small.half).text, fine->one->optimizer.eta,
             fine->difference / coarse->difference);
  else
    snprintf(text, sizeof text, "%s: not resolved from 0 at eta %g, %s, and %s at eta %g", name,
             coarse->one->optimizer.eta, interval_words(large.centre, large.half).text,
             interval_words(small.centre, small.half).text, fine->one->optimizer.eta);
  comparison_add_evidence(evidence, holds, text);
}

static void shrinking_verdict(struct results *results, const struct comparison_table *table,
                              const struct comparison *leader)
{
  struct evidence evidence = {.holds = HOLDS_UNDECIDED};
  double alpha = comparison_options(leader)->eta_order;
  const struct comparison *fine = NULL, *coarse = NULL;
  for (size_t o = 0; o < table->cases->observables->count; o++) {
    struct comparison like = of_observable(leader, o);
    coarse = comparison_extreme_eta(table, &like, 1, NULL);
    fine = comparison_extreme_eta(table, &like, -1, NULL);
    judge_shrinking(table, coarse, fine, &evidence);
  }
  char *claim = sde_format("the difference between iterates and SDE %zu falls like eta^%g "
                           "(predicted ratio %.2f)%s",
                           leader->sde, alpha, comparison_predicted_ratio(coarse, fine),
                           is_reserved(table, leader) ? ", until terms of order rho^2 show" : "");
  comparison_conclude(results, leader, claim, &evidence);
  sde_free(claim);
}

/* ---- the difference stays ---- */

/* Is a difference surely as good as flat from one eta to another: of an order below half the SDE's,
 * falling or rising? One that rises more is no floor: it comes from a change of sign above. */
static bool is_flat(const struct comparison_table *table, const struct comparison *coarse,
                    const struct comparison *fine)
{
  struct interval large = comparison_interval(table, coarse);
  struct interval small = comparison_interval(table, fine);
  return comparison_stays(table, coarse, fine) &&
         interval_upper_magnitude(small) * sqrt(comparison_predicted_ratio(coarse, fine)) <
             interval_lower_magnitude(large);
}

/* Is it flat over all eta and, where there are more than two, over the smallest two? Between two a
 * sum of powers of eta can look flat that goes to zero below. */
static bool is_floor(const struct comparison_table *table, const struct comparison *like,
                     struct interval limit)
{
  const struct comparison *coarse = comparison_extreme_eta(table, like, 1, NULL);
  const struct comparison *fine = comparison_extreme_eta(table, like, -1, NULL);
  const struct comparison *next = comparison_extreme_eta(table, like, -1, fine);
  return is_flat(table, coarse, fine) && is_flat(table, next, fine) &&
         interval_lower_magnitude(limit) > 0 && limit.centre * fine->difference > 0;
}

/* Is it the terms left out that stay? Where an SDE that has them stands beside, its difference goes
 * to less than half of this one's; else three eta must have shown the floor, for at two of them
 * that are not small a difference that goes to zero may look flat. */
static bool is_explained(const struct comparison_table *table, const struct comparison *like,
                         struct interval limit)
{
  bool beside = false, is_limit;
  for (size_t s = 0; s < table->cases->recipe->sdes; s++) {
    struct comparison whole = *like;
    whole.sde = s;
    const struct comparison *row = comparison_extreme_eta(table, &whole, -1, NULL);
    if (has_floor(table, row) || !has_orders_of(comparison_options(row), comparison_options(like)))
      continue;
    beside = true;
    struct interval other = comparison_limit(table, row, &is_limit);
    if (interval_upper_magnitude(other) < interval_lower_magnitude(limit) / 2)
      return true;
  }
  const struct comparison *fine = comparison_extreme_eta(table, like, -1, NULL);
  const struct comparison *next = comparison_extreme_eta(table, like, -1, fine);
  return !beside && comparison_extreme_eta(table, like, -1, next) != NULL;
}

/* Is it known that the term that this SDE leaves out has an effect on the observable, while the
 * iterates do not have it? So an SDE must say that has all terms: its difference stays, as large as
 * the term, and this one's goes to less than a quarter of that. */
static bool is_denied(const struct comparison_table *table, const struct comparison *like,
                      struct interval limit)
{
  for (size_t s = 0; s < table->cases->recipe->sdes; s++) {
    struct comparison whole = *like;
    bool is_limit;
    whole.sde = s;
    const struct comparison *row = comparison_extreme_eta(table, &whole, -1, NULL);
    if (has_floor(table, row) || is_reserved(table, row) ||
        !has_orders_of(comparison_options(row), comparison_options(like)))
      continue;
    struct interval other = comparison_limit(table, row, &is_limit);
    if (is_floor(table, row, other) &&
        interval_upper_magnitude(limit) < interval_lower_magnitude(other) / 4)
      return true;
  }
  return false;
}

static void judge_floor(const struct comparison_table *table, const struct comparison *like,
                        struct evidence *evidence)
{
  const struct comparison *coarse = comparison_extreme_eta(table, like, 1, NULL);
  const struct comparison *fine = comparison_extreme_eta(table, like, -1, NULL);
  struct interval large = comparison_interval(table, coarse);
  struct interval small = comparison_interval(table, fine);
  const char *name = name_of(table, fine);
  bool is_limit;
  struct interval limit = comparison_limit(table, like, &is_limit);
  if (isnan(limit.centre)) {
    char *words = sde_format("%s: no path survived", name);
    comparison_add_evidence(evidence, HOLDS_UNDECIDED, words);
    sde_free(words);
    return;
  }
  bool flat = is_floor(table, like, limit);
  bool stays = flat && is_explained(table, like, limit);
  enum holds holds = stays ? HOLDS_YES : is_denied(table, like, limit) ? HOLDS_NO : HOLDS_UNDECIDED;
  bool falls = interval_upper_magnitude(small) <
               sqrt(comparison_predicted_ratio(coarse, fine)) * interval_lower_magnitude(large);
  bool order_0 = comparison_options(like)->rho_order == LIMIT_RHO_ORDER_0;
  const char *but = holds == HOLDS_YES && has_more(table, like)
                        ? "as it must with an SDE that is not exact in rho, "
                    : holds == HOLDS_YES && order_0 ? "as it must with an SDE of order 0 in rho, "
                    : holds == HOLDS_YES ? "as it must with an SDE without the variance term, "
                    : flat ? "as flat as that, but not certainly by what the SDE leaves out, "
                    : interval_lower_magnitude(limit) > 0 && falls
                        ? "too little beside what still falls, "
                        : "";
  char *words =
      sde_format("%s%s: %s at eta -> 0, %s%s at eta %g, %s at eta %g", name,
                 holds == HOLDS_YES ? " stays" : "", interval_words(limit.centre, limit.half).text,
                 but, interval_words(small.centre, small.half).text, fine->one->optimizer.eta,
                 interval_words(large.centre, large.half).text, coarse->one->optimizer.eta);
  comparison_add_evidence(evidence, holds, words);
  sde_free(words);
}

/* The term that is left out need not be seen in every observable. */
static void floor_verdict(struct results *results, const struct comparison_table *table,
                          const struct comparison *leader)
{
  struct evidence evidence = {.holds = HOLDS_UNDECIDED};
  for (size_t o = 0; o < table->cases->observables->count; o++) {
    struct comparison like = of_observable(leader, o);
    judge_floor(table, &like, &evidence);
  }
  char *claim = sde_format("the difference between iterates and SDE %zu does not go to zero with "
                           "eta, since the SDE leaves out %s",
                           leader->sde,
                           has_more(table, leader) ? "terms in rho"
                           : comparison_options(leader)->rho_order == LIMIT_RHO_ORDER_0
                               ? "the terms of order rho"
                               : "the variance term, of order rho");
  comparison_conclude(results, leader, claim, &evidence);
  sde_free(claim);
}

/* ---- the variance term ---- */

/* Leaving the variance term out must enlarge the difference. With one eta only, the O(eta) part of
 * the difference can hide the term, so a smaller difference then decides nothing. */
static void judge_variance_term(const struct comparison_table *table, const struct comparison *with,
                                const struct comparison *without, struct evidence *evidence)
{
  bool is_limit;
  struct interval kept = comparison_limit(table, with, &is_limit);
  struct interval left_out = comparison_limit(table, without, &is_limit);
  enum holds holds = HOLDS_UNDECIDED;
  if (isnan(kept.centre) || isnan(left_out.centre)) {
    comparison_add_evidence(evidence, holds, "no path survived");
    return;
  }
  if (interval_lower_magnitude(left_out) > interval_upper_magnitude(kept))
    holds = HOLDS_YES;
  else if (is_limit && interval_lower_magnitude(kept) > interval_upper_magnitude(left_out) &&
           comparison_stays(table, comparison_extreme_eta(table, with, 1, NULL), with))
    holds = HOLDS_NO;
  char *words =
      sde_format("%s%s: %s with it, %s without", name_of(table, with),
                 is_limit ? " at eta -> 0" : "", interval_words(kept.centre, kept.half).text,
                 interval_words(left_out.centre, left_out.half).text);
  comparison_add_evidence(evidence, holds, words);
  sde_free(words);
}

static void variance_verdict(struct results *results, const struct comparison_table *table,
                             const struct comparison *leader)
{
  const struct limit_options *with = comparison_options(leader);
  if (!with->variance_term || with->rho_order != LIMIT_RHO_ORDER_1)
    return;
  for (size_t s = 0; s < table->cases->recipe->sdes; s++) {
    struct comparison other = *leader;
    other.sde = s;
    const struct limit_options *without = comparison_options(&other);
    if (without->variance_term || without->rho_order != LIMIT_RHO_ORDER_1 ||
        !has_orders_of(without, with) || !has_floor(table, &other))
      continue;
    struct evidence evidence = {.holds = HOLDS_UNDECIDED};
    for (size_t o = 0; o < table->cases->observables->count; o++) {
      struct comparison kept = of_observable(leader, o), left_out = of_observable(&other, o);
      judge_variance_term(table, comparison_extreme_eta(table, &kept, -1, NULL),
                          comparison_extreme_eta(table, &left_out, -1, NULL), &evidence);
    }
    char *claim = sde_format("without the variance term (SDE %zu, not %zu) the difference to the "
                             "iterates is larger",
                             s, leader->sde);
    comparison_conclude(results, leader, claim, &evidence);
    sde_free(claim);
  }
}

/* ---- all of them ---- */

/* How the scheme's error stands to the sampling error: it decides whether more substeps or more
 * paths would sharpen the comparison. */
static void note_scheme_error(struct results *results, const struct cases *cases,
                              const struct comparison *all, size_t count)
{
  size_t below = 0, worst = 0;
  double worst_ratio = -1;
  for (size_t i = 0; i < count; i++) {
    double ratio = all[i].scheme_error / all[i].difference_se;
    below += all[i].scheme_error <= all[i].difference_se;
    if (isfinite(ratio) && ratio > worst_ratio) {
      worst_ratio = ratio;
      worst = i;
    }
  }
  if (worst_ratio < 0)
    return;
  char *label = comparison_label(&all[worst]);
  results_note(results, false,
               "The scheme's error is below the standard error of the difference in %zu of %zu "
               "rows, at most %.2g times it\n(%s, eta %g, SDE %zu, %s)%s\n\n",
               below, count, worst_ratio, label, all[worst].one->optimizer.eta, all[worst].sde,
               cases->observable_name[all[worst].observable],
               below == count ? "" : "; more substeps would lower it");
  sde_free(label);
}

void comparison_verdicts(struct results *results, const struct cases *cases,
                         const struct comparison *all, size_t count)
{
  struct comparison_table table = {cases, all, count, comparison_quantile(cases, count)};
  size_t etas = parameters_count(cases->recipe->common, "eta");
  bool left_out = false;
  for (size_t i = 0; i < count; i++)
    left_out |= !comparison_options(&all[i])->variance_term;
  note_scheme_error(results, cases, all, count);
  for (const struct comparison *row = all; row < all + count; row++) {
    /* Without noise an SDE is off by a part of order eta, where the diffusion counts: no more is
     * known. */
    if (!leads_group(&table, row) || comparison_options(row)->factor == LIMIT_FACTOR_NONE)
      continue;
    bool two = has_two_etas(&table, row);
    if (two && has_floor(&table, row))
      floor_verdict(results, &table, row);
    else if (two)
      shrinking_verdict(results, &table, row);
    variance_verdict(results, &table, row);
  }
  if (etas == 1 && !left_out && count > 0)
    results_verdict(results, "iterates and SDE agree", HOLDS_UNDECIDED,
                    "one eta, and no SDE without the variance term beside it: nothing here could "
                    "have come out otherwise; give a second eta, or a second sde with "
                    "variance_term: false");
}
