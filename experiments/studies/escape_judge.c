/*
 * Verdicts of the study `escape`: see escape_judge.h.
 */
#include "experiments/studies/escape_judge.h"

#include "experiments/io/text.h"
#include "experiments/results/interval_words.h"

#include <math.h>

/* Below this number times are too skew for intervals of means, and beyond this many standard
 * errors between the rates of two parts of the time the tail is not exponential. */
enum { FEWEST = 100, RATES_APART = 3 };

/* How far from the mean the truth may be: sampling, the scheme, and the exact value's own error. */
static double half_width(const struct escape *escape, double se, double quantile)
{
  double exact = isnan(escape->exact_error) ? 0 : escape->exact_error;
  return sde_student_quantile(quantile, (double)escape->estimate.counted - 1) * se +
         escape->scheme_error + exact;
}

const char *escape_mean_unknown(const struct survival_mean *estimate)
{
  if (estimate->counted == 0)
    return "no path is left";
  if (estimate->censored == 0)
    return NULL;
  if (!(estimate->late.events > 0))
    return "no path left in the second half of the time: give a longer time";
  if (!(fabs(survival_rate_change(estimate)) < RATES_APART))
    return "the rate of leaving changes along the time, so that of censored paths is not known: "
           "give a longer time";
  return NULL;
}

/* What paths that were not seen may add to the mean. A path is still inside after the longest time
 * seen with a probability that is below -log(alpha)/n, or one of n would have been seen but for
 * chance alpha; and then it stays, in the mean, at most as long as from the worst place. */
static double unseen(const struct escape *escape, double quantile)
{
  double share = -log(erfc(quantile / sqrt(2))) / (double)escape->estimate.counted;
  return isnan(escape->longest) ? INFINITY : share * escape->longest;
}

/* Why the mean does not show whether the exact one is right, or NULL. An interval as wide as the
 * time itself agrees with anything; two step sizes whose means are far apart do not tell how wrong
 * they are; and a censored mean rests on its tail. */
static const char *obstacle(const struct escape *escape, double half)
{
  const struct survival_mean *estimate = &escape->estimate;
  if (estimate->counted < FEWEST)
    return "escape times are skew: give at least 100 paths";
  if (escape_mean_unknown(estimate) != NULL)
    return escape_mean_unknown(estimate);
  if (escape->scheme_error > escape->exact / 10)
    return "the scheme's error is more than a tenth: more substeps would tell";
  return half < escape->exact / 5 ? NULL : "the interval is too wide to tell";
}

/* Is the mean the exact one to within `half`? What is censored has a mean only by its tail: against
 * the exact time stands then the time up to the horizon alone, which the mean exceeds. */
static enum holds judge_exact(const struct escape *escape, double quantile, double *half,
                              const char **why)
{
  const struct survival_mean *estimate = &escape->estimate;
  *half = half_width(escape, escape->se, quantile);
  *why = obstacle(escape, *half);
  if (*why != NULL)
    return HOLDS_UNDECIDED;
  if (fabs(estimate->mean - escape->exact) <= *half)
    return HOLDS_YES;
  if (estimate->mean < escape->exact && estimate->censored == 0 &&
      estimate->mean + *half + unseen(escape, quantile) > escape->exact) {
    *why = "the times are skew: a few long ones that were not seen would make up the difference: "
           "more paths would tell";
    return HOLDS_UNDECIDED;
  }
  double least = estimate->restricted - half_width(escape, estimate->restricted_se, quantile);
  if (estimate->censored == 0 || least > escape->exact)
    return HOLDS_NO;
  *why = "it differs, but by the tail of censored paths: give a longer time";
  return HOLDS_UNDECIDED;
}

static void exact_verdict(struct results *results, const struct escape *escape, double quantile)
{
  const struct optimizer *optimizer = &escape->one->optimizer;
  const char *why;
  double half;
  char *label = case_label(escape->one);
  char *claim = sde_format("%s, b %zu, eta %g, rho %g: SDE %zu leaves after the exact mean "
                           "first-passage time",
                           label, optimizer->batch, optimizer->eta, optimizer->rho,
                           case_sde_of_side(escape->side));
  enum holds holds = judge_exact(escape, quantile, &half, &why);
  if (escape->reason != NULL)
    results_self_check(results, claim, HOLDS_UNDECIDED, "%s", escape->reason);
  else if (isnan(escape->estimate.mean))
    results_self_check(results, claim, HOLDS_UNDECIDED, "exact %.5g; %s", escape->exact,
                       escape_mean_unknown(&escape->estimate));
  else
    results_self_check(results, claim, holds, "%s%s, exact %.5g%s%s",
                       interval_words(escape->estimate.mean, half).text,
                       escape->estimate.censored > 0 ? " (extrapolated)" : "", escape->exact,
                       why == NULL ? "" : "; ", why == NULL ? "" : why);
  sde_free(claim);
  sde_free(label);
}

/* Do two differ in the micro-batch alone? */
static bool is_like(const struct escape *a, const struct escape *b)
{
  const struct optimizer *x = &a->one->optimizer, *y = &b->one->optimizer;
  struct optimizer same = *y;
  same.micro_batch = x->micro_batch;
  return a->side == b->side && optimizer_same_rules(x, &same) && x->batch == y->batch &&
         x->eta == y->eta && x->rho == y->rho && a->one->paths == b->one->paths;
}

/* The one like `escape` with the next larger micro-batch, or NULL. */
static const struct escape *next_larger(const struct escape *all, size_t count,
                                        const struct escape *escape)
{
  const struct escape *next = NULL;
  for (const struct escape *other = all; other < all + count; other++)
    if (is_like(other, escape) &&
        other->one->optimizer.micro_batch > escape->one->optimizer.micro_batch &&
        (next == NULL || other->one->optimizer.micro_batch < next->one->optimizer.micro_batch))
      next = other;
  return next;
}

static bool has_smaller(const struct escape *all, size_t count, const struct escape *escape)
{
  for (const struct escape *other = all; other < all + count; other++)
    if (is_like(other, escape) &&
        other->one->optimizer.micro_batch < escape->one->optimizer.micro_batch)
      return true;
  return false;
}

/* The mean time, or the mean time up to the horizon, with half its interval. */
struct span {
  double mean, se, scheme_error;
};

static struct span span_of(const struct escape *escape, bool restricted)
{
  const struct survival_mean *estimate = &escape->estimate;
  return (struct span){restricted ? estimate->restricted : estimate->mean,
                       restricted ? estimate->restricted_se : escape->se, escape->scheme_error};
}

/* From the smallest micro-batch on: is each mean below the next, by more than the errors? Where
 * some paths are censored, that is judged by the time up to the horizon, which needs no tail. */
static enum holds judge_order(const struct escape *all, size_t count, const struct escape *smallest,
                              double quantile, struct text *text)
{
  bool resolved = true, reversed = false, restricted = false, few = false;
  for (const struct escape *one = smallest; one != NULL; one = next_larger(all, count, one)) {
    restricted |= one->estimate.censored > 0;
    few |= one->estimate.counted < FEWEST;
  }
  struct span span = span_of(smallest, restricted), later;
  double student = sde_student_quantile(quantile, (double)smallest->estimate.counted - 1);
  if (restricted)
    text_add(text, "up to the time given, m=%zu: ", smallest->one->optimizer.micro_batch);
  else
    text_add(text, "m=%zu: ", smallest->one->optimizer.micro_batch);
  text_add(text, "%s", interval_words(span.mean, student * span.se + span.scheme_error).text);
  for (const struct escape *next = smallest; (next = next_larger(all, count, next)) != NULL;) {
    later = span_of(next, restricted);
    double half = student * hypot(span.se, later.se) + span.scheme_error + later.scheme_error;
    resolved &= later.mean - span.mean > half;
    reversed |= later.mean - span.mean < -half;
    text_add(text, "; m=%zu: %s", next->one->optimizer.micro_batch,
             interval_words(later.mean, student * later.se + later.scheme_error).text);
    span = later;
  }
  if (few)
    text_add(text, "; escape times are skew: give at least 100 paths");
  return few ? HOLDS_UNDECIDED : reversed ? HOLDS_NO : resolved ? HOLDS_YES : HOLDS_UNDECIDED;
}

static void order_verdict(struct results *results, const struct escape *all, size_t count,
                          const struct escape *smallest, double quantile)
{
  const struct optimizer *optimizer = &smallest->one->optimizer;
  struct text text = {0};
  enum holds holds = judge_order(all, count, smallest, quantile, &text);
  char *who = case_side_label(smallest->side), *update = optimizer_update_label(optimizer);
  char *claim =
      sde_format("%s%s%s, b %zu, eta %g, rho %g, %s: the smaller m, the sooner it leaves",
                 optimizer->rule->name, update == NULL ? "" : ", ", update == NULL ? "" : update,
                 optimizer->batch, optimizer->eta, optimizer->rho, who);
  sde_free(update);
  results_verdict(results, claim, holds, "%s", text.data);
  sde_free(text.data);
  sde_free(who);
  sde_free(claim);
}

void escape_judge(struct results *results, const struct cases *cases, const struct escape *all,
                  size_t count)
{
  /* A row enters the verdict on the exact time, and two comparisons of the one on the order. */
  double quantile = sde_family_quantile(parameters_real(cases->recipe->common, "level"), 3 * count);
  for (size_t i = 0; i < count; i++)
    if (all[i].side != CASE_ITERATES)
      exact_verdict(results, &all[i], quantile);
  for (size_t i = 0; i < count; i++)
    if ((all[i].one->optimizer.rule->theory.regularizer & REGULARIZER_VARIANCE_TERMS) != 0 &&
        all[i].one->optimizer.rule->micro_batch == MICRO_BATCH_GIVEN &&
        all[i].one->optimizer.update->affine != NULL && !has_smaller(all, count, &all[i]) &&
        next_larger(all, count, &all[i]) != NULL)
      order_verdict(results, all, count, &all[i], quantile);
}
