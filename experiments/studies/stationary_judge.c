/*
 * Averages of an SDE and of the iterates: see stationary_judge.h.
 */
#include "experiments/studies/stationary_judge.h"

#include "experiments/cases/case_analysis.h"
#include "experiments/io/text.h"
#include "experiments/results/interval_words.h"
#include "models/limit_forms.h"

#include <math.h>

/* An interval tells where its half-width is below this share of the average; and an SDE to first
 * order in eta that misses by a resolved part below the other share may still be right, to O(eta). */
static const double NARROW = 0.1, LARGE = 0.5;

char *stationary_claim(const struct run_case *one, const char *who, const char *what)
{
  const struct optimizer *optimizer = &one->optimizer;
  char *label = case_label(one);
  char *claim = sde_format("%s, b %zu, eta %g, rho %g: long-run averages of %s are %s", label,
                           optimizer->batch, optimizer->eta, optimizer->rho, who, what);
  sde_free(label);
  return claim;
}

enum finding { UNRESOLVED, AGREES, DIFFERS, WRONG };

static double half_width(const struct comparison *row, double quantile)
{
  return sde_student_quantile(quantile, row->difference_freedom) * row->difference_se +
         row->scheme_error;
}

static double larger_average(const struct comparison *row)
{
  return fmax(fabs(sde_moments_mean(row->iterates)), fabs(sde_moments_mean(row->solution)));
}

static enum finding finding_of(const struct comparison *row, double quantile)
{
  double half = half_width(row, quantile), larger = larger_average(row);
  if (fabs(row->difference) - half >= LARGE * larger && larger > 0)
    return WRONG;
  if (!(half <= NARROW * larger))
    return UNRESOLVED;
  return fabs(row->difference) <= half ? AGREES : DIFFERS;
}

static void add_row(struct text *text, const struct comparison *row, double quantile,
                    enum finding finding)
{
  double iterates = sde_moments_mean(row->iterates), solution = sde_moments_mean(row->solution);
  text_add(text, "%s%s: iterates %.4g, SDE %.4g, difference %s", text->length == 0 ? "" : "; ",
           row->name, iterates, solution,
           interval_words(row->difference, half_width(row, quantile)).text);
  if (finding == WRONG && iterates * solution > 0)
    text_add(text, ", a factor of %.3g", fmax(iterates / solution, solution / iterates));
  if (finding == DIFFERS)
    text_add(text, ", %.2g%% of the larger", 100 * fabs(row->difference) / larger_average(row));
}

static bool has_leading_noise(const struct comparison *row)
{
  const struct limit_form *form = limit_form_of(row->one->sde[row->sde].limit);
  return form->kind == LIMIT_FORM_NORM && !form->normalized;
}

static void add_reason(struct text *text, const struct comparison *row, const size_t *found)
{
  if (found[WRONG] > 0 && has_leading_noise(row))
    text_add(text,
             "; most likely its noise is why: it is the leading part c(b) V alone, without the "
             "covariance of g_I/|g_I|, which near a minimum is most of it");
  else if (found[WRONG] == 0 && found[DIFFERS] > 0)
    text_add(text, "; what is resolved may be of order eta: a smaller eta would tell");
  else if (found[WRONG] + found[DIFFERS] + found[AGREES] == 0)
    text_add(text, "; no interval is below a tenth of its average: more paths would tell");
}

void stationary_judge_pair(struct results *results, size_t count, const struct comparison *rows,
                           double quantile)
{
  size_t found[WRONG + 1] = {0};
  struct text text = {0};
  for (size_t q = 0; q < count; q++) {
    enum finding finding = finding_of(&rows[q], quantile);
    found[finding]++;
    if (finding != UNRESOLVED || count == 1)
      add_row(&text, &rows[q], quantile, finding);
  }
  add_reason(&text, rows, found);
  char *who = case_side_label(case_side_of_sde(rows->sde));
  char *claim = stationary_claim(rows->one, who, "those of the iterates");
  enum holds holds = found[WRONG] > 0                           ? HOLDS_NO
                     : found[DIFFERS] == 0 && found[AGREES] > 0 ? HOLDS_YES
                                                                : HOLDS_UNDECIDED;
  results_verdict(results, claim, holds, "%s", text.data);
  sde_free(text.data);
  sde_free(who);
  sde_free(claim);
}
