/*
 * Verdicts of comparisons: what theory says of the difference as eta falls, by what the SDE leaves
 * out, and of the variance term. See comparison.h.
 */
#include "experiments/results/interval_words.h"
#include "experiments/studies/comparison_fall.h"
#include "experiments/studies/comparison_line.h"
#include "experiments/studies/judgement.h"
#include "experiments/studies/no_order.h"
#include "experiments/studies/remainder.h"
#include "experiments/studies/tails.h"

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
    if (has_floor(table, row) ||
        !comparison_has_orders_of(comparison_options(row), comparison_options(like)))
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
    if (has_floor(table, row) || comparison_is_reserved(table, row) ||
        !comparison_has_orders_of(comparison_options(row), comparison_options(like)))
      continue;
    struct interval other = comparison_limit(table, row, &is_limit);
    if (is_floor(table, row, other) &&
        interval_upper_magnitude(limit) < interval_lower_magnitude(other) / 4)
      return true;
  }
  return false;
}

/* Where exact differences are known, they decide; also where there is nothing else to be judged by.
 * False where neither is so. */
static bool judge_exact_floor(const struct comparison_table *table, const struct comparison *like,
                              struct evidence *evidence)
{
  char words[128];
  struct error_line line;
  comparison_line_make(table, like, &line);
  bool heavy = comparison_line_is_heavy(table, like, &line), known = line.exact && line.count > 2;
  enum holds holds = HOLDS_UNDECIDED;
  if (known)
    holds = judgement_plateau(&line, comparison_options(like)->eta_order, table->quantile,
                              sizeof words, words);
  else if (heavy)
    snprintf(words, sizeof words, "no standard error, for its variance does not exist");
  if (known || heavy) {
    char *whole = sde_format("%s%s: %s%s", comparison_name(table, like),
                             holds == HOLDS_YES ? " stays" : "", known ? "exact " : "", words);
    /* The term may be small in one observable: only all of them together can deny it. */
    comparison_add_evidence(evidence, holds == HOLDS_NO ? HOLDS_UNDECIDED : holds, whole);
    evidence->denied += holds == HOLDS_NO;
    sde_free(whole);
  }
  sde_free(line.point);
  return known || heavy;
}

static void judge_floor(const struct comparison_table *table, const struct comparison *like,
                        struct evidence *evidence)
{
  const struct comparison *coarse = comparison_extreme_eta(table, like, 1, NULL);
  const struct comparison *fine = comparison_extreme_eta(table, like, -1, NULL);
  struct interval large = comparison_interval(table, coarse);
  struct interval small = comparison_interval(table, fine);
  const char *name = comparison_name(table, fine);
  bool is_limit;
  struct interval limit = comparison_limit(table, like, &is_limit);
  if (judge_exact_floor(table, like, evidence))
    return;
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
    struct comparison like = comparison_of_observable(leader, o);
    judge_floor(table, &like, &evidence);
  }
  if (evidence.denied == table->cases->observables->count)
    evidence.holds = HOLDS_NO;
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

/* The difference as eta -> 0: by exact means at small eta where there are any. */
static struct interval limit_of(const struct comparison_table *table, const struct comparison *like,
                                bool *is_limit, bool *heavy)
{
  struct error_line line;
  struct interval limit = comparison_limit(table, like, is_limit);
  comparison_line_make(table, like, &line);
  *heavy = comparison_line_is_heavy(table, like, &line);
  if (line.exact && line.count > 2) {
    limit.centre =
        error_line_rest(&line, comparison_options(like)->eta_order, table->quantile, &limit.half);
    *is_limit = true;
  }
  sde_free(line.point);
  return limit;
}

/* Leaving the variance term out must enlarge the difference. With one eta only, the O(eta) part of
 * the difference can hide the term, so a smaller difference then decides nothing. */
static void judge_variance_term(const struct comparison_table *table, const struct comparison *with,
                                const struct comparison *without, struct evidence *evidence)
{
  bool is_limit, heavy;
  struct interval kept = limit_of(table, with, &is_limit, &heavy);
  struct interval left_out = limit_of(table, without, &is_limit, &heavy);
  enum holds holds = HOLDS_UNDECIDED;
  if (heavy) {
    comparison_add_evidence(evidence, holds, "no standard error, for its variance does not exist");
    return;
  }
  if (isnan(kept.centre) || isnan(left_out.centre)) {
    comparison_add_evidence(evidence, holds, "no path survived");
    return;
  }
  if (interval_lower_magnitude(left_out) > interval_upper_magnitude(kept))
    holds = HOLDS_YES;
  else if (is_limit && interval_lower_magnitude(kept) > interval_upper_magnitude(left_out) &&
           comparison_judge_fall(table, with, NULL) == HOLDS_NO)
    holds = HOLDS_NO;
  char *words =
      sde_format("%s%s: %s with it, %s without", comparison_name(table, with),
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
        !comparison_has_orders_of(without, with) || !has_floor(table, &other))
      continue;
    struct evidence evidence = {.holds = HOLDS_UNDECIDED};
    for (size_t o = 0; o < table->cases->observables->count; o++) {
      struct comparison kept = comparison_of_observable(leader, o),
                        left_out = comparison_of_observable(&other, o);
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
    if (!leads_group(&table, row) || !no_order_is_claimed(row->one, comparison_options(row)))
      continue;
    bool two = has_two_etas(&table, row);
    if (two && has_floor(&table, row))
      floor_verdict(results, &table, row);
    else if (two)
      comparison_fall_verdict(results, &table, row);
    variance_verdict(results, &table, row);
  }
  if (etas == 1 && !left_out && count > 0)
    results_verdict(results, "iterates and SDE agree", HOLDS_UNDECIDED,
                    "This run tests nothing yet: add a second eta, or a second sde with "
                    "variance_term: false");
}
