/*
 * What the referee makes of its measurements: see referee_judge.h.
 */
#include "experiments/studies/referee_judge.h"

#include "experiments/io/text.h"
#include "experiments/results/interval_words.h"

#include <math.h>

/* A relative mismatch below this is rounding. */
static const double rounding = 1e-8;

struct referee_power referee_power_of(double whole, double half, double quarter)
{
  if (whole < rounding)
    return (struct referee_power){NAN, NAN, HOLDS_YES};
  if (half < rounding || quarter < rounding)
    return (struct referee_power){NAN, NAN, HOLDS_UNDECIDED};
  double first = log2(whole / half), second = log2(half / quarter);
  struct referee_power power = {second, fabs(second - first) / 2, HOLDS_UNDECIDED};
  if (second - power.se > 0.5)
    power.vanishes = HOLDS_YES;
  else if (fabs(second) + power.se < 0.3)
    power.vanishes = HOLDS_NO;
  return power;
}

/* The power of rho that the SDE's own order promises for the drift; INFINITY where it is exact. */
static double promised(const struct referee_evidence *evidence)
{
  const struct limit_options *options = limit_options_of(evidence->one->sde[evidence->sde].limit);
  return options->rho_order == LIMIT_RHO_ORDER_0   ? 1
         : options->rho_order == LIMIT_RHO_ORDER_1 ? 2
                                                   : INFINITY;
}

bool referee_lacks_first_order(const struct referee_evidence *evidence)
{
  return evidence->relative[0] > 1e-6 && !(evidence->power[0][1].power > 1.5);
}

bool referee_is_named(const struct referee_evidence *evidence)
{
  if (evidence->count == 0 || evidence->missing[evidence->count - 1].explained < 0.99)
    return false;
  for (size_t i = 0; i < evidence->count; i++)
    if (!(fabs(evidence->missing[i].coefficient) > 3 * evidence->missing[i].se))
      return false;
  return true;
}

/* The terms in the letters that people read. */
static const char *const letters[REFEREE_TERMS] = {
    "(rho/2) grad |g|^2", "(rho/2) grad tr V", "(eta/2) H g",     "(eta/4) grad tr V",
    "rho grad |g|",       "rho grad E|g_I|",   "g, the gradient", "x"};

/* With its interval, where that is wider than what anybody reads. */
static void add_number(struct text *text, double centre, double half)
{
  if (half < 1e-4 * fabs(centre))
    text_add(text, "%.5g", centre);
  else
    text_add(text, "%s", interval_words(centre, half).text);
}

/* "it lacks 1.0 [0.9, 1.1] x (rho/2) grad tr V, 99.9 % of the mismatch". */
static void add_missing(struct text *text, const struct referee_evidence *evidence)
{
  for (size_t i = 0; i < evidence->count; i++) {
    const struct referee_missing *missing = &evidence->missing[i];
    text_add(text, "%s", i == 0 ? "; it lacks " : " and ");
    add_number(text, missing->coefficient, 3 * missing->se);
    text_add(text, " x %s", letters[missing->term]);
  }
  if (evidence->count > 0)
    text_add(text, ", %.2f %% of the mismatch",
             100 * evidence->missing[evidence->count - 1].explained);
  if (evidence->count > 0 && evidence->collinear < REFEREE_TERMS)
    text_add(text, " (which here cannot be told from %s)", letters[evidence->collinear]);
  if (evidence->count == 0 && referee_lacks_first_order(evidence))
    text_add(text, "; no term of the dictionary explains that");
}

static void add_powers(struct text *text, const struct referee_power power[2])
{
  static const char *const versus[] = {"eta", "rho"};
  for (size_t k = 0; k < 2; k++) {
    if (isnan(power[k].power))
      continue;
    if (fabs(power[k].power) < 0.01) {
      text_add(text, ", the same at smaller %s", versus[k]);
      continue;
    }
    text_add(text, ", falling like %s^", versus[k]);
    add_number(text, power[k].power, power[k].se);
  }
}

static enum holds judge_drift(const struct referee_evidence *evidence)
{
  double wanted = promised(evidence), power = evidence->power[0][1].power;
  if (evidence->relative[0] < rounding)
    return HOLDS_YES;
  if (isinf(wanted) || isnan(power))
    return HOLDS_NO;
  if (power >= wanted - 0.25)
    return HOLDS_YES;
  return power + evidence->power[0][1].se < wanted - 0.25 ? HOLDS_NO : HOLDS_UNDECIDED;
}

static enum holds judge_diffusion(const struct referee_evidence *evidence)
{
  const struct referee_power *of_rho = &evidence->power[1][1];
  return evidence->relative[1] < rounding ? HOLDS_YES : of_rho->vanishes;
}

void referee_judge(struct results *results, const struct referee_evidence *evidence)
{
  const struct optimizer *optimizer = &evidence->one->optimizer;
  char *label = case_label(evidence->one);
  char *place = sde_format("%s, b %zu, eta %g, rho %g, SDE %zu", label, optimizer->batch,
                           optimizer->eta, optimizer->rho, evidence->sde);
  double wanted = promised(evidence);
  char *claim = isinf(wanted) ? sde_format("%s: the drift is that of the algorithm", place)
                              : sde_format("%s: the drift is that of the algorithm to O(rho^%g)",
                                           place, wanted);
  struct text text = {0};
  text_add(&text, "relative mismatch %.3g", evidence->relative[0]);
  add_powers(&text, evidence->power[0]);
  add_missing(&text, evidence);
  results_verdict(results, claim, judge_drift(evidence), "%s", text.data);
  sde_free(text.data);
  sde_free(claim);
  claim = sde_format("%s: the diffusion is that of the algorithm%s", place,
                     isinf(wanted) ? "" : ", up to what vanishes with rho");
  text = (struct text){0};
  text_add(&text, "relative mismatch %.3g", evidence->relative[1]);
  add_powers(&text, evidence->power[1]);
  if (evidence->relative[1] > rounding && isfinite(evidence->trace_ratio))
    text_add(&text, "; its trace is %.4g times the algorithm's", evidence->trace_ratio);
  results_verdict(results, claim, judge_diffusion(evidence), "%s", text.data);
  sde_free(text.data);
  sde_free(claim);
  sde_free(place);
  sde_free(label);
}
