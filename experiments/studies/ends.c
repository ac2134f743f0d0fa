/*
 * Ends: see ends.h.
 */
#include "experiments/studies/ends.h"

#include "analysis/stability.h"
#include "experiments/io/text.h"
#include "experiments/results/interval_words.h"
#include "experiments/studies/tails.h"

#include <math.h>

/* Beside a mean that is this share of the value at the start, a difference as large as the mean is
 * nothing to speak of: a coordinate near its optimum. */
static const double of_the_start = 0.1;

struct difference {
  double value, half; /* half of the interval; 0 of exact ones */
};

static bool is_exact(const struct end_mean *end)
{
  return !isnan(end->exact);
}

static bool is_judged(const struct cases *cases, const struct end_mean *end)
{
  return is_exact(end) || end->side != CASE_ITERATES ||
         !tails_are_heavy(cases, &end->one->optimizer, end->observable);
}

static struct difference difference_of(const struct end_mean *a, const struct end_mean *b,
                                       double quantile)
{
  if (is_exact(a) && is_exact(b))
    return (struct difference){a->exact - b->exact, 0};
  double a_se = sde_moments_standard_error(a->moments);
  double b_se = sde_moments_standard_error(b->moments);
  double freedom = sde_welch_freedom(a_se, a->moments.n - 1, b_se, b->moments.n - 1);
  return (struct difference){sde_moments_mean(a->moments) - sde_moments_mean(b->moments),
                             sde_student_quantile(quantile, freedom) * hypot(a_se, b_se) +
                                 a->scheme_error + b->scheme_error};
}

static double value_of(const struct end_mean *end)
{
  return is_exact(end) ? end->exact : sde_moments_mean(end->moments);
}

static bool same_setting(const struct end_mean *a, const struct end_mean *b)
{
  const struct optimizer *x = &a->one->optimizer, *y = &b->one->optimizer;
  return a->side == b->side && a->observable == b->observable && x->batch == y->batch &&
         x->eta == y->eta && x->rho == y->rho && a->one->paths == b->one->paths;
}

static bool same_family(const struct end_mean *a, const struct end_mean *b)
{
  const struct optimizer *x = &a->one->optimizer, *y = &b->one->optimizer;
  return same_setting(a, b) && x->rule == y->rule && x->update == y->update;
}

/* ---- over m, and over optimizers ---- */

/* What a mean is held beside: that of the largest m of its family where it has the smallest of
 * several, else that of the first optimizer of its setting; NULL for none. */
static const struct end_mean *beside(size_t count, const struct end_mean *all,
                                     const struct end_mean *end)
{
  const struct end_mean *largest = end, *first = NULL;
  bool smallest = true;
  for (const struct end_mean *other = all; other < all + count; other++) {
    if (first == NULL && same_setting(other, end))
      first = other;
    if (!same_family(other, end))
      continue;
    smallest &= other->one->optimizer.micro_batch >= end->one->optimizer.micro_batch;
    if (other->one->optimizer.micro_batch > largest->one->optimizer.micro_batch)
      largest = other;
  }
  return smallest && largest != end ? largest : first == end ? NULL : first;
}

static json_t *sharpness_json(const struct cases *cases, const struct end_mean *end,
                              const struct end_mean *other, struct difference by)
{
  char *one = case_label(end->one), *two = case_label(other->one);
  const struct optimizer *optimizer = &end->one->optimizer;
  json_t *row = json_pack(
      "{s:s, s:s, s:I, s:f, s:f, s:s, s:o, s:o, s:o, s:b}", "optimizer", one, "beside", two,
      "batch", (json_int_t)optimizer->batch, "eta", optimizer->eta, "rho", optimizer->rho,
      "observable", cases->observable_name[end->observable], "difference", results_json(by.value),
      "half_interval", results_json(by.half), "relative",
      results_json(by.value / fabs(value_of(other))), "exact", is_exact(end) && is_exact(other));
  sde_free(one);
  sde_free(two);
  return row;
}

/* "noise-trace lower by 0.0128 [0.0108, 0.0148] (1.3 %)" */
static void add_difference(struct text *text, const struct cases *cases, const struct end_mean *end,
                           const struct end_mean *other, struct difference by)
{
  const char *name = cases->observable_name[end->observable];
  double share = 100 * fabs(by.value) / fabs(value_of(other));
  char percent[32] = "";
  if (share <= 100) /* else the mean is near zero, and its share says nothing */
    snprintf(percent, sizeof percent, " (%.2g %%)", share);
  text_add(text, "%s%s ", text->length == 0 ? "" : ", ", name);
  if (by.value == 0 || fabs(by.value) < 1e-12 * fabs(value_of(other)))
    text_add(text, "the same");
  else if (fabs(by.value) <= by.half)
    text_add(text, "not resolved, %s (about %.2g paths would tell a difference of that)",
             interval_words(by.value, by.half).text,
             (double)end->one->paths * pow(2 * by.half / by.value, 2));
  else if (by.half > 0)
    text_add(text, "%s by %s%s", by.value < 0 ? "lower" : "higher",
             interval_words(fabs(by.value), by.half).text, percent);
  else
    text_add(text, "%s by %.3g, exactly%s", by.value < 0 ? "lower" : "higher", fabs(by.value),
             percent);
}

/* Leads are few: so many of each kind, the rest is in the summary. */
enum { LEADS = 4 };

/* All observables of one case beside the other, as a lead and in the summary. */
static void compare_cases(struct results *results, const struct cases *cases, size_t count,
                          const struct end_mean *all, const struct end_mean *end, double quantile,
                          bool lead, json_t *rows)
{
  struct text text = {0};
  const struct end_mean *other = NULL;
  for (const struct end_mean *one = all; one < all + count; one++) {
    if (one->one != end->one || one->side != CASE_ITERATES || !is_judged(cases, one))
      continue;
    const struct end_mean *held = beside(count, all, one);
    struct difference by = difference_of(one, held, quantile);
    other = held;
    json_array_append_new(rows, sharpness_json(cases, one, held, by));
    if (isfinite(by.value))
      add_difference(&text, cases, one, held, by);
  }
  if (lead && text.length > 0) {
    char *a = case_label(end->one), *b = case_label(other->one);
    results_lead(results, "%s beside %s, b %zu, eta %g, rho %g: at the end the iterates have %s\n",
                 a, b, end->one->optimizer.batch, end->one->optimizer.eta, end->one->optimizer.rho,
                 text.data);
    sde_free(a);
    sde_free(b);
  }
  sde_free(text.data);
}

static void report_sharpness(struct results *results, const struct cases *cases, size_t count,
                             const struct end_mean *all)
{
  size_t compared = 0;
  for (size_t i = 0; i < count; i++)
    compared += all[i].side == CASE_ITERATES && beside(count, all, &all[i]) != NULL;
  if (compared == 0)
    return;
  double quantile = sde_family_quantile(parameters_real(cases->recipe->common, "level"), compared);
  json_t *rows = json_array();
  for (int over_m = 1; over_m >= 0; over_m--) {
    size_t leads = 0;
    for (size_t i = 0; i < count; i++) {
      const struct end_mean *end = &all[i], *held = beside(count, all, end);
      if (end->side == CASE_ITERATES && end->observable == 0 && held != NULL &&
          same_family(end, held) == (over_m == 1))
        compare_cases(results, cases, count, all, end, quantile, leads++ < LEADS, rows);
    }
  }
  json_object_set_new(results_summary(results), "sharpness", rows);
}

/* ---- iterates and SDE ---- */

/* Why an SDE may be so far from the iterates. */
static char *cause_of(const struct cases *cases, const struct end_mean *solution)
{
  const struct run_case *one = solution->one;
  const struct limit_options *options =
      limit_options_of(one->sde[case_sde_of_side(solution->side)].limit);
  struct stability at = stability_along(&one->optimizer, cases->start, one->steps, 8);
  if (at.step > 2)
    return sde_format("the iterates explode: eta lambda (1 + rho lambda) is %.3g", at.step);
  if (one->optimizer.rho > 0 && options->rho_order == LIMIT_RHO_ORDER_0)
    return sde_strdup("the SDE has no term in rho");
  if (one->optimizer.rule->theory.normalized && options->rho_order == LIMIT_RHO_ORDER_1)
    return sde_strdup("near a minimum rho is not small beside the gradient's own scale, and the "
                      "SDE is of first order in rho");
  if (!options->variance_term)
    return sde_strdup("the SDE lacks the variance term");
  if (at.turning > 1 ||
      (one->optimizer.rho * at.largest > 1 && options->rho_order == LIMIT_RHO_ORDER_1))
    return sde_format("rho is not small: rho |lambda| is up to %.3g",
                      fmax(at.turning, one->optimizer.rho * at.largest));
  return sde_format("eta is not small: eta lambda (1 + rho lambda) is %.3g", at.step);
}

/* The mean of the iterates that stands beside that of an SDE. */
static const struct end_mean *iterates_of(size_t count, const struct end_mean *all,
                                          const struct end_mean *solution)
{
  for (const struct end_mean *end = all; end < all + count; end++)
    if (end->one == solution->one && end->side == CASE_ITERATES &&
        end->observable == solution->observable)
      return end;
  return NULL;
}

/* By what factor the greater of the two is, where the difference is resolved and as large as the
 * smaller; else 0. */
static double factor_of(const struct cases *cases, const struct end_mean *iterates,
                        const struct end_mean *solution, double quantile)
{
  if (iterates == NULL || !is_judged(cases, iterates))
    return 0;
  struct difference by = difference_of(iterates, solution, quantile);
  double a = fabs(value_of(iterates)), b = fabs(value_of(solution));
  bool large = fabs(by.value) - by.half > fmin(a, b) &&
               fabs(by.value) - by.half > of_the_start * fabs(iterates->start);
  return large && fmin(a, b) > 0 ? fmax(a, b) / fmin(a, b) : 0;
}

static void report_differences(struct results *results, const struct cases *cases, size_t count,
                               const struct end_mean *all)
{
  double quantile =
      sde_family_quantile(parameters_real(cases->recipe->common, "level"), count > 0 ? count : 1);
  const struct end_mean *worst = NULL;
  double largest = 0;
  size_t found = 0;
  for (const struct end_mean *end = all; end < all + count; end++) {
    double factor = end->side == CASE_ITERATES
                        ? 0
                        : factor_of(cases, iterates_of(count, all, end), end, quantile);
    found += factor > 0;
    /* The first observable, the loss in most recipes, tells most. */
    if (factor > 0 && (worst == NULL || end->observable < worst->observable ||
                       (end->observable == worst->observable && factor > largest))) {
      largest = factor;
      worst = end;
    }
  }
  if (worst == NULL)
    return;
  const struct end_mean *iterates = iterates_of(count, all, worst);
  char *label = case_label(worst->one), *side = case_side_label(worst->side);
  char *cause = cause_of(cases, worst);
  results_lead(results,
               "%s, b %zu, eta %g, rho %g: %s is no picture of the iterates: %s is %.3g, not %.3g, "
               "a factor of %.3g; most likely %s%s\n",
               label, worst->one->optimizer.batch, worst->one->optimizer.eta,
               worst->one->optimizer.rho, side, cases->observable_name[worst->observable],
               value_of(worst), value_of(iterates), largest, cause,
               found > 1 ? "; so are others" : "");
  json_object_set_new(results_summary(results), "large_differences",
                      json_pack("{s:i, s:f, s:s, s:s, s:s}", "count", (int)found, "factor", largest,
                                "optimizer", label, "observable",
                                cases->observable_name[worst->observable], "cause", cause));
  sde_free(label);
  sde_free(side);
  sde_free(cause);
}

void ends_report(struct results *results, const struct cases *cases, size_t count,
                 const struct end_mean *all)
{
  report_differences(results, cases, count, all);
  report_sharpness(results, cases, count, all);
}
