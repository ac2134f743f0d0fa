/*
 * Comparisons: the scheme's error, verdicts and the printed table. See comparison.h.
 */
#include "experiments/comparison.h"

#include <math.h>
#include <string.h>

double comparison_scheme_error(const struct case_sde *sde, struct sde_moments moments)
{
  double factor = 1 / case_companion_part(sde);
  double half = sde_student_quantile(2, moments.n - 1) * sde_moments_standard_error(moments);
  return factor * (fabs(sde_moments_mean(moments)) + half);
}

/* A number known to lie within `half` of `centre`, at the family's level. */
struct interval {
  double centre, half;
};

static double lower_magnitude(struct interval interval)
{
  return fmax(0, fabs(interval.centre) - interval.half);
}

static double upper_magnitude(struct interval interval)
{
  return fabs(interval.centre) + interval.half;
}

static struct interval difference_interval(const struct comparison *row, double quantile)
{
  double wide = sde_student_quantile(quantile, row->difference_freedom);
  return (struct interval){row->difference, wide * row->difference_se + row->scheme_error};
}

static const struct limit_options *options_of(const struct comparison *row)
{
  return limit_options_of(row->one->sde[row->sde].limit);
}

bool comparison_same_variant(const struct comparison *a, const struct comparison *b)
{
  const struct optimizer *x = &a->one->optimizer, *y = &b->one->optimizer;
  return x->type == y->type && x->micro_batch == y->micro_batch && x->batch == y->batch &&
         x->rho == y->rho && a->one->paths == b->one->paths;
}

/* Do two rows differ in eta and SDE only? */
static bool same_variant(const struct comparison *a, const struct comparison *b)
{
  return comparison_same_variant(a, b) && a->observable == b->observable;
}

static bool is_variance_perturbed(const struct comparison *row)
{
  const struct optimizer *optimizer = &row->one->optimizer;
  return optimizer->type->perturbation == PERTURB_MICRO_GRADIENT && optimizer->rho > 0;
}

char *comparison_label(const struct comparison *row)
{
  char *name = case_label(row->one);
  char *label =
      sde_format("%s, b %zu, rho %g", name, row->one->optimizer.batch, row->one->optimizer.rho);
  sde_free(name);
  return label;
}

/* Evidence gathered over the observables of one variant: yes where one says yes and none no. */
struct evidence {
  enum holds holds;
  char text[1024];
};

static void add_evidence(struct evidence *evidence, enum holds holds, const char *text)
{
  if (holds == HOLDS_NO || (holds == HOLDS_YES && evidence->holds == HOLDS_UNDECIDED))
    evidence->holds = holds;
  size_t used = strlen(evidence->text);
  snprintf(evidence->text + used, sizeof evidence->text - used, "%s%s", used == 0 ? "" : "; ",
           text);
}

/* The row of the same variant, observable and SDE at the largest (sign 1) or smallest (sign -1)
 * eta; like is a row or a copy of one with other indices. */
static const struct comparison *extreme_eta(const struct comparison *all, size_t count,
                                            const struct comparison *like, int sign)
{
  const struct comparison *extreme = NULL;
  for (const struct comparison *row = all; row < all + count; row++)
    if (same_variant(row, like) && row->sde == like->sde &&
        (extreme == NULL || sign * (row->one->optimizer.eta - extreme->one->optimizer.eta) > 0))
      extreme = row;
  return extreme;
}

/* Is this the first row of its variant and SDE, whatever its observable and eta? */
static bool leads_group(const struct comparison *all, const struct comparison *row)
{
  for (const struct comparison *before = all; before < row; before++) {
    struct comparison other = *before;
    other.observable = row->observable;
    if (same_variant(&other, row) && before->sde == row->sde)
      return false;
  }
  return true;
}

/* The difference is C eta^alpha to leading order, so between two learning rates it must keep its
 * sign and fall by the predicted ratio: within a factor of its square root to be called so, and
 * surely outside to be called otherwise. Falling too fast is no agreement either: a part that does
 * not fall can cancel one that does. */
static enum holds judge_ratio(struct interval large, struct interval small, double predicted)
{
  double upper = upper_magnitude(small) / lower_magnitude(large);
  double lower = lower_magnitude(small) / upper_magnitude(large);
  bool resolved = lower_magnitude(large) > 0 && lower_magnitude(small) > 0;
  bool same_sign = large.centre * small.centre > 0;
  if (resolved && same_sign && upper < sqrt(predicted) && lower > pow(predicted, 1.5))
    return HOLDS_YES;
  if ((resolved && !same_sign) || lower > sqrt(predicted) ||
      (lower_magnitude(large) > 0 && upper < pow(predicted, 1.5)))
    return HOLDS_NO;
  return HOLDS_UNDECIDED;
}

static void judge_shrinking(const struct cases *cases, const struct comparison *coarse,
                            const struct comparison *fine, double quantile,
                            struct evidence *evidence)
{
  struct interval large = difference_interval(coarse, quantile);
  struct interval small = difference_interval(fine, quantile);
  const char *name = cases->observable_name[fine->observable];
  double predicted =
      pow(fine->one->optimizer.eta / coarse->one->optimizer.eta, options_of(fine)->eta_order);
  char text[256];
  if (isnan(large.centre) || isnan(small.centre)) {
    snprintf(text, sizeof text, "%s: no path survived", name);
    add_evidence(evidence, HOLDS_UNDECIDED, text);
    return;
  }
  if (lower_magnitude(large) > 0)
    snprintf(text, sizeof text, "%s: %.3g +- %.1g at eta %g, %.3g +- %.1g at eta %g, ratio %.2f",
             name, large.centre, large.half, coarse->one->optimizer.eta, small.centre, small.half,
             fine->one->optimizer.eta, fine->difference / coarse->difference);
  else
    snprintf(text, sizeof text, "%s: unresolved (%.3g +- %.1g at eta %g)", name, large.centre,
             large.half, coarse->one->optimizer.eta);
  add_evidence(evidence, judge_ratio(large, small, predicted), text);
}

static void shrinking_verdict(struct results *results, const struct cases *cases,
                              const struct comparison *all, size_t count,
                              const struct comparison *leader, double quantile)
{
  struct evidence evidence = {HOLDS_UNDECIDED, ""};
  double alpha = options_of(leader)->eta_order;
  const struct comparison *fine = NULL, *coarse = NULL;
  for (size_t o = 0; o < cases->observables->count; o++) {
    struct comparison like = *leader;
    like.observable = o;
    coarse = extreme_eta(all, count, &like, 1);
    fine = extreme_eta(all, count, &like, -1);
    if (coarse->one == fine->one)
      return;
    judge_shrinking(cases, coarse, fine, quantile, &evidence);
  }
  char *label = comparison_label(leader);
  char *claim = sde_format("%s: the difference between iterates and SDE %zu falls like eta^%g "
                           "(predicted ratio %.2f)",
                           label, leader->sde, alpha,
                           pow(fine->one->optimizer.eta / coarse->one->optimizer.eta, alpha));
  results_verdict(results, claim, evidence.holds, "%s", evidence.text);
  sde_free(claim);
  sde_free(label);
}

/* The difference extrapolated to eta = 0 from the smallest eta and the largest, to the SDE's
 * order; with one eta, the difference itself. */
static struct interval extrapolated(const struct comparison *all, size_t count,
                                    const struct comparison *like, double quantile, bool *is_limit)
{
  const struct comparison *fine = extreme_eta(all, count, like, -1);
  const struct comparison *coarse = extreme_eta(all, count, like, 1);
  *is_limit = fine->one != coarse->one;
  if (!*is_limit)
    return difference_interval(fine, quantile);
  double a = pow(fine->one->optimizer.eta, options_of(fine)->eta_order);
  double b = pow(coarse->one->optimizer.eta, options_of(fine)->eta_order);
  double u = b / (b - a), v = a / (b - a);
  double fine_se = u * fine->difference_se, coarse_se = v * coarse->difference_se;
  double freedom =
      sde_welch_freedom(fine_se, fine->difference_freedom, coarse_se, coarse->difference_freedom);
  return (struct interval){u * fine->difference - v * coarse->difference,
                           sde_student_quantile(quantile, freedom) * hypot(fine_se, coarse_se) +
                               u * fine->scheme_error + v * coarse->scheme_error};
}

/* Does a difference surely not fall as it should? Only then does its extrapolation mean anything
 * against the theory: where it falls too fast or changes sign, higher powers of eta have a part. */
static bool stays(const struct comparison *coarse, const struct comparison *fine, double quantile)
{
  struct interval large = difference_interval(coarse, quantile);
  struct interval small = difference_interval(fine, quantile);
  double predicted =
      pow(fine->one->optimizer.eta / coarse->one->optimizer.eta, options_of(fine)->eta_order);
  return large.centre * small.centre > 0 &&
         lower_magnitude(small) > sqrt(predicted) * upper_magnitude(large);
}

/* Leaving the variance term out must enlarge the difference. With one eta only, the O(eta) part of
 * the difference can hide the term, so a smaller difference then decides nothing. */
static void judge_variance_term(const struct cases *cases, const struct comparison *all,
                                size_t count, const struct comparison *with,
                                const struct comparison *without, double quantile,
                                struct evidence *evidence)
{
  bool is_limit;
  struct interval kept = extrapolated(all, count, with, quantile, &is_limit);
  struct interval left_out = extrapolated(all, count, without, quantile, &is_limit);
  enum holds holds = HOLDS_UNDECIDED;
  if (isnan(kept.centre) || isnan(left_out.centre)) {
    add_evidence(evidence, holds, "no path survived");
    return;
  }
  if (lower_magnitude(left_out) > upper_magnitude(kept))
    holds = HOLDS_YES;
  else if (is_limit && lower_magnitude(kept) > upper_magnitude(left_out) &&
           stays(extreme_eta(all, count, with, 1), with, quantile))
    holds = HOLDS_NO;
  char text[256];
  snprintf(text, sizeof text, "%s%s: %.3g +- %.1g with it, %.3g +- %.1g without",
           cases->observable_name[with->observable], is_limit ? " at eta -> 0" : "", kept.centre,
           kept.half, left_out.centre, left_out.half);
  add_evidence(evidence, holds, text);
}

static void variance_verdict(struct results *results, const struct cases *cases,
                             const struct comparison *all, size_t count,
                             const struct comparison *leader, double quantile)
{
  const struct limit_options *with = options_of(leader);
  if (!with->variance_term || with->rho_order != RHO_ORDER_1 || !is_variance_perturbed(leader))
    return;
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    struct comparison other = *leader;
    other.sde = s;
    const struct limit_options *without = options_of(&other);
    if (without->variance_term || without->rho_order != RHO_ORDER_1 ||
        without->eta_order != with->eta_order)
      continue;
    struct evidence evidence = {HOLDS_UNDECIDED, ""};
    for (size_t o = 0; o < cases->observables->count; o++) {
      struct comparison kept = *leader;
      kept.observable = other.observable = o;
      judge_variance_term(cases, all, count, extreme_eta(all, count, &kept, -1),
                          extreme_eta(all, count, &other, -1), quantile, &evidence);
    }
    char *label = comparison_label(leader);
    char *claim = sde_format("%s: without the variance term (SDE %zu, not %zu) the difference to "
                             "the iterates is larger",
                             label, s, leader->sde);
    results_verdict(results, claim, evidence.holds, "%s", evidence.text);
    sde_free(claim);
    sde_free(label);
  }
}

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

double comparison_quantile(const struct cases *cases, size_t count)
{
  /* A row enters the verdict on eta, that on the variance term with and without it, a decay, and
   * with its two means those beside the exact ones. */
  return sde_family_quantile(parameters_real(cases->recipe->common, "level"), 6 * count);
}

void comparison_verdicts(struct results *results, const struct cases *cases,
                         const struct comparison *all, size_t count)
{
  double quantile = comparison_quantile(cases, count);
  size_t etas = parameters_count(cases->recipe->common, "eta");
  bool left_out = false;
  for (size_t i = 0; i < count; i++)
    left_out |= !options_of(&all[i])->variance_term;
  note_scheme_error(results, cases, all, count);
  for (size_t i = 0; i < count; i++)
    if (leads_group(all, &all[i])) {
      shrinking_verdict(results, cases, all, count, &all[i], quantile);
      variance_verdict(results, cases, all, count, &all[i], quantile);
    }
  if (etas == 1 && !left_out && count > 0)
    results_verdict(results, "iterates and SDE agree", HOLDS_UNDECIDED,
                    "one eta, and no SDE without the variance term beside it: nothing here could "
                    "have come out otherwise; give a second eta, or a second sde with "
                    "variance_term: false");
}

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
  results_note(results, false, "Not coupled to the iterates:");
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
  results_note(results, false, " (%s)\n", why);
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

/* A mean with its standard error, and the exact one where it is known. */
static void print_side(struct results *results, struct sde_moments moments, double exact)
{
  results_note(results, false, " %11.5g +- %-8.2g", sde_moments_mean(moments),
               sde_moments_standard_error(moments));
  if (isnan(exact))
    results_note(results, false, " %11s", "");
  else
    results_note(results, false, " %11.5g", exact);
}

static void print_row(struct results *results, const struct cases *cases,
                      const struct comparison *row)
{
  char *label = case_label(row->one);
  results_note(results, false, "%-13s %-7g %-6g %-3zu %-14s", label, row->one->optimizer.eta,
               row->one->optimizer.rho, row->sde, cases->observable_name[row->observable]);
  sde_free(label);
  if (isnan(row->difference)) {
    results_note(results, false, " no path survived\n");
    return;
  }
  print_side(results, row->iterates, row->exact_iterates);
  print_side(results, row->solution, row->exact_solution);
  results_note(results, false, " %10.3g +- %-8.2g %.1g\n", row->difference, row->difference_se,
               row->scheme_error);
}

void comparison_print(struct results *results, const struct cases *cases,
                      const struct comparison *all, size_t count)
{
  if (count == 0)
    return;
  results_note(results, false,
               "At time %g, mean +- standard error; difference is iterates minus SDE\n"
               "%-13s %-7s %-6s %-3s %-14s %-23s %11s %-23s %11s %-22s %s\n",
               all[0].time, "optimizer", "eta", "rho", "SDE", "observable", "iterates", "exact",
               "SDE", "exact", "difference", "scheme error");
  for (size_t i = 0; i < count; i++)
    print_row(results, cases, &all[i]);
  note_coupling(results, cases, all, count);
  note_antithetic(results, all, count);
  note_quasi(results, all, count);
  note_controls(results, all, count);
  results_note(results, false, "\n");
}
