/*
 * Exact means: see exact_means.h.
 */
#include "experiments/studies/exact_means.h"

#include "experiments/cases/case_analysis.h"
#include "experiments/io/text.h"
#include "experiments/results/interval_words.h"
#include "experiments/studies/tails.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Relative to the sizes in it: what rounding may add to a mean over many steps and paths. */
static const double rounding = 1e-10;

/* "the iterates" or "SDE 1", released with sde_free. */
static char *side_name(size_t side)
{
  return side == CASE_ITERATES ? sde_strdup("the iterates") : case_side_label(side);
}

/* `why` is taken over. */
static void add_gap(struct exact_gaps *gaps, const struct run_case *one, size_t side, char *why)
{
  for (size_t i = 0; i < gaps->count; i++)
    if (strcmp(gaps->gap[i].why, why) == 0) {
      gaps->gap[i].means++;
      sde_free(why);
      return;
    }
  struct exact_gap *grown = sde_alloc(gaps->count + 1, sizeof *grown);
  if (gaps->count > 0)
    memcpy(grown, gaps->gap, gaps->count * sizeof *grown);
  char *label = case_label(one), *name = side_name(side);
  grown[gaps->count++] =
      (struct exact_gap){why, sde_format("%s of %s, eta %g", name, label, one->optimizer.eta), 1};
  sde_free(gaps->gap);
  gaps->gap = grown;
  sde_free(label);
  sde_free(name);
}

void exact_gaps_free(struct exact_gaps *gaps)
{
  for (size_t i = 0; i < gaps->count; i++) {
    sde_free(gaps->gap[i].why);
    sde_free(gaps->gap[i].first);
  }
  sde_free(gaps->gap);
}

/* The exact mean of one observable into every row of its side. */
static void set_mean(const struct cases *cases, size_t side, size_t observable, double mean,
                     struct comparison *rows)
{
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    struct comparison *row = &rows[s * cases->observables->count + observable];
    if (side == CASE_ITERATES)
      row->exact_iterates = mean;
    else if (side == case_side_of_sde(s))
      row->exact_solution = mean;
  }
}

void exact_means_set(const struct cases *cases, const struct run_case *one, struct comparison *rows,
                     struct exact_gaps *gaps)
{
  for (size_t side = 0; side < case_sides(cases); side++) {
    const char *why = NULL;
    struct oracle *oracle = case_oracle_new(cases, one, side, &why);
    if (oracle != NULL)
      oracle_advance(oracle, one->steps);
    for (size_t o = 0; o < cases->observables->count; o++) {
      double mean = oracle == NULL ? NAN : oracle_mean(oracle, o);
      set_mean(cases, side, o, mean, rows);
      if (oracle == NULL)
        add_gap(gaps, one, side, sde_strdup(why));
      else if (isnan(mean))
        add_gap(gaps, one, side,
                sde_format("no exact moments: %s is no quadratic polynomial",
                           cases->observable_name[o]));
    }
    oracle_free(oracle);
  }
}

void exact_means_note(struct results *results, const struct exact_gaps *gaps)
{
  for (size_t i = 0; i < gaps->count; i++)
    results_note(results, false, "Not known exactly: %zu mean%s, first that of %s: %s\n",
                 gaps->gap[i].means, gaps->gap[i].means == 1 ? "" : "s", gaps->gap[i].first,
                 gaps->gap[i].why);
}

/* What is judged of a row: one of its means. */
struct side {
  struct sde_moments moments;
  uint64_t diverged;
  double exact, scheme_error;
  bool heavy; /* its mean has no standard error: tails.h */
};

static struct side side_of(const struct cases *cases, const struct comparison *row, bool solution)
{
  return solution ? (struct side){row->solution, row->solution_diverged, row->exact_solution,
                                  row->scheme_error, false}
                  : (struct side){row->iterates, row->iterates_diverged, row->exact_iterates, 0,
                                  tails_are_heavy(cases, &row->one->optimizer, row->observable)};
}

/* What the means of one verdict say together. */
struct agreement {
  size_t known;
  bool missed, open, told;
  struct text text;
};

static void judge_mean(const struct cases *cases, const struct comparison *row, struct side side,
                       double quantile, struct agreement *agreement)
{
  double mean = sde_moments_mean(side.moments), off = fabs(mean - side.exact);
  double sampling = sde_student_quantile(quantile, side.moments.n - 1) *
                        sde_moments_standard_error(side.moments) +
                    rounding * (fabs(row->start) + fabs(side.exact));
  double half = sampling + side.scheme_error;
  text_add(&agreement->text, "%seta %g, %s: ", agreement->known++ == 0 ? "" : "; ",
           row->one->optimizer.eta, cases->observable_name[row->observable]);
  if (side.diverged > 0) {
    agreement->open = true;
    text_add(&agreement->text, "%" PRIu64 " paths diverged%s", side.diverged,
             results_flag(HOLDS_UNDECIDED));
    return;
  }
  if (side.heavy) {
    agreement->open = true;
    text_add(&agreement->text,
             "%.4g, exact %.4g (undecided: with %g degrees of freedom there is no standard error)",
             mean, side.exact, tails_degrees_of_freedom(cases));
    return;
  }
  enum holds holds = off > half + side.scheme_error ? HOLDS_NO
                     : off <= half                  ? HOLDS_YES
                                                    : HOLDS_UNDECIDED;
  agreement->missed |= holds == HOLDS_NO;
  agreement->open |= holds != HOLDS_YES;
  agreement->told |= fabs(side.exact - row->start) > half;
  text_add(&agreement->text, "%s, exact %.4g%s", interval_words(mean, half).text, side.exact,
           results_flag(holds));
}

/* One verdict on the iterates or the SDE of the leader's variant; returns how many exact means it
 * rests on, and says nothing where there are none. */
static size_t judge_variant(struct results *results, const struct cases *cases,
                            const struct comparison *all, size_t count,
                            const struct comparison *leader, bool solution, double quantile)
{
  struct agreement agreement = {0};
  for (const struct comparison *row = leader; row < all + count; row++)
    if (comparison_same_variant(row, leader) && row->sde == leader->sde) {
      struct side side = side_of(cases, row, solution);
      if (!isnan(side.exact))
        judge_mean(cases, row, side, quantile, &agreement);
    }
  if (agreement.known == 0)
    return 0;
  bool open = agreement.open || !agreement.told;
  char *label = comparison_label(leader);
  char *claim =
      solution
          ? sde_format("%s: the estimate of SDE %zu has the exact mean within its scheme error",
                       label, leader->sde)
          : sde_format("%s: the simulated iterates have the exact mean", label);
  results_self_check(results, claim,
                     agreement.missed ? HOLDS_NO
                     : open           ? HOLDS_UNDECIDED
                                      : HOLDS_YES,
                     "%s", agreement.text.data);
  sde_free(agreement.text.data);
  sde_free(claim);
  sde_free(label);
  return agreement.known;
}

static bool leads_variant(const struct comparison *all, const struct comparison *row)
{
  for (const struct comparison *before = all; before < row; before++)
    if (comparison_same_variant(before, row) && before->sde == row->sde)
      return false;
  return true;
}

void exact_means_verdicts(struct results *results, const struct cases *cases,
                          const struct comparison *all, size_t count, double quantile,
                          const struct exact_gaps *gaps)
{
  size_t known = 0;
  for (const struct comparison *row = all; row < all + count; row++) {
    if (!leads_variant(all, row))
      continue;
    if (row->sde == 0)
      known += judge_variant(results, cases, all, count, row, false, quantile);
    known += judge_variant(results, cases, all, count, row, true, quantile);
  }
  if (known > 0 || gaps->count == 0)
    return;
  struct text why = {0};
  for (size_t i = 0; i < gaps->count; i++)
    text_add(&why, "%s%s", i == 0 ? "" : "; ", gaps->gap[i].why);
  results_self_check(results, "simulated iterates and SDEs have the exact means", HOLDS_UNDECIDED,
                     "%s", why.data);
  sde_free(why.data);
}
