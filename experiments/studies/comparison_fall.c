/*
 * Does the difference fall? See comparison_fall.h.
 */
#include "experiments/studies/comparison_fall.h"

#include "experiments/studies/comparison_line.h"
#include "experiments/studies/judgement.h"
#include "experiments/studies/tails.h"

bool comparison_has_orders_of(const struct limit_options *options, const struct limit_options *like)
{
  return options->eta_order == like->eta_order &&
         (options->factor == LIMIT_FACTOR_NONE) == (like->factor == LIMIT_FACTOR_NONE);
}

enum holds comparison_judge_fall(const struct comparison_table *table,
                                 const struct comparison *like, struct text *evidence)
{
  char words[256];
  struct error_line line;
  comparison_line_make(table, like, &line);
  enum holds holds = HOLDS_UNDECIDED;
  if (comparison_line_is_heavy(table, like, &line))
    snprintf(
        words, sizeof words,
        "no standard error (undecided: with %g degrees of freedom its variance does not exist)",
        tails_degrees_of_freedom(table->cases));
  else
    holds = judgement_fall(&line, comparison_options(like)->eta_order, table->quantile,
                           (double)like->one->paths, sizeof words, words);
  if (evidence != NULL)
    text_add(evidence, "%s: %s", comparison_name(table, like), words);
  sde_free(line.point);
  return holds;
}

/* May a miss be a part of order rho^2, which denies nothing? Not where an SDE that is exact in rho
 * stands beside and misses too. */
static bool is_excused(const struct comparison_table *table, const struct comparison *like)
{
  if (!comparison_is_reserved(table, like))
    return false;
  for (size_t s = 0; s < table->cases->recipe->sdes; s++) {
    struct comparison exact = *like;
    exact.sde = s;
    const struct comparison *row = comparison_extreme_eta(table, &exact, -1, NULL);
    const struct limit_options *options = comparison_options(row);
    if (options->rho_order == LIMIT_RHO_ORDER_EXACT &&
        comparison_has_orders_of(options, comparison_options(like)) &&
        comparison_judge_fall(table, row, NULL) == HOLDS_NO)
      return false;
  }
  return true;
}

void comparison_fall_verdict(struct results *results, const struct comparison_table *table,
                             const struct comparison *leader)
{
  struct evidence evidence = {.holds = HOLDS_UNDECIDED};
  for (size_t o = 0; o < table->cases->observables->count; o++) {
    struct comparison like = comparison_of_observable(leader, o);
    struct text words = {0};
    enum holds holds = comparison_judge_fall(table, &like, &words);
    if (holds == HOLDS_NO && is_excused(table, &like)) {
      text_add(&words,
               " (undecided: it may be of order rho^2; an SDE with rho_order: exact would tell)");
      holds = HOLDS_UNDECIDED;
      evidence.barred = true;
    }
    comparison_add_evidence(&evidence, holds, words.data);
    sde_free(words.data);
  }
  const struct comparison *fine = comparison_extreme_eta(table, leader, -1, NULL);
  const struct comparison *coarse = comparison_extreme_eta(table, leader, 1, NULL);
  char *claim =
      sde_format("the difference between iterates and SDE %zu falls like eta^%g "
                 "(predicted ratio %.2f)%s",
                 leader->sde, (double)comparison_options(leader)->eta_order,
                 comparison_predicted_ratio(coarse, fine),
                 comparison_is_reserved(table, leader) ? ", until terms of order rho^2 show" : "");
  comparison_conclude(results, leader, claim, &evidence);
  sde_free(claim);
}
