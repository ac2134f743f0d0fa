/*
 * Verdicts of the study `converge`: see convergence_judge.h.
 */
#include "experiments/studies/convergence_judge.h"

#include "experiments/io/text.h"
#include "experiments/results/interval_words.h"
#include "experiments/studies/judgement.h"

#include <inttypes.h>
#include <math.h>

/* How far a measured order may be from the declared one beyond its interval. */
static const double strong_tolerance = 0.1, weak_tolerance = 0.15;

/* In standard errors; NAN where paths diverged or a point has no standard error. */
static double largest_error(const struct convergence *line)
{
  double largest = 0;
  for (size_t i = 0; i < line->count; i++) {
    double ratio = line->point[i].error / line->point[i].se;
    if (!isfinite(ratio) || line->point[i].diverged > 0)
      return NAN;
    largest = fmax(largest, ratio);
  }
  return largest;
}

/* Where errors are more than rounding, they must be within their own standard errors; a reference,
 * which has its own errors, decides nothing. */
static enum holds judge_exact(const struct convergence_trial *trial, const struct convergence *line,
                              double quantile)
{
  if (line->exact)
    return trial->task.scheme->exact ? HOLDS_YES : HOLDS_UNDECIDED;
  double largest = largest_error(line);
  return line->source == EQUATION_SOLUTION_REFERENCE || isnan(largest) ? HOLDS_UNDECIDED
         : largest > quantile                                          ? HOLDS_NO
                                                                       : HOLDS_YES;
}

/* Has the scheme lost the strong order that it has on the noise that it accepts? */
static enum holds judge_forced(const struct convergence *line, double order, double half)
{
  if (line->fit.slope + half < order - strong_tolerance)
    return HOLDS_YES;
  return judgement_slope(line->fit.slope, half, order, strong_tolerance) == HOLDS_YES
             ? HOLDS_NO
             : HOLDS_UNDECIDED;
}

static double best_strong_order(const struct sde_scheme *scheme)
{
  double best = 0;
  for (int noise = 0; noise < SDE_NOISE_CLASSES; noise++)
    best = fmax(best, scheme->on[noise].strong_order);
  return best;
}

/* What a line shows. */
static void add_evidence(const struct convergence_trial *trial, const struct convergence *line,
                         double half, struct text *evidence)
{
  if (line->exact)
    text_add(evidence, "errors are rounding");
  else if (trial->task.scheme->exact)
    text_add(evidence, "the largest error is %.2f standard errors; against: %s",
             largest_error(line), line->against);
  else if (isnan(line->fit.slope))
    text_add(evidence, "not fitted, %zu of %zu points resolved", line->resolved, line->count);
  else
    text_add(evidence,
             "slope %s over %" PRIu64 " to %" PRIu64
             " steps, %zu of %zu points resolved; against: %s",
             interval_words(line->fit.slope, half).text, line->point[0].steps,
             line->point[line->count - 1].steps, line->resolved, line->count, line->against);
}

/* The quantile of Student's law by the paths of the point that has fewest. */
static double student_of(const struct convergence *line, double quantile)
{
  uint64_t least = UINT64_MAX;
  for (size_t i = 0; i < line->count; i++)
    least = line->point[i].paths < least ? line->point[i].paths : least;
  return sde_student_quantile(quantile, (double)least - 1);
}

void convergence_judge_fit(struct results *results, const struct convergence_trial *trial,
                           const struct convergence *line, double quantile)
{
  const struct convergence_task *task = &trial->task;
  double student = student_of(line, quantile), half = fit_half(line->fit, student),
         declared = convergence_declared(trial);
  double best = best_strong_order(task->scheme);
  bool strong = task->kind == EQUATION_ERROR_STRONG;
  struct text claim = {0}, evidence = {0};
  enum holds holds;
  text_add(&claim, "%s on %s (%s noise): ", task->scheme->name, task->equation->name,
           sde_noise_class_name(convergence_noise(trial)));
  if (task->forced) {
    holds = judge_forced(line, best, half);
    text_add(&claim, "forced on noise that it refuses, it loses its strong order %g", best);
  } else if (task->scheme->exact || line->exact) {
    holds = judge_exact(trial, line, student);
    text_add(&claim, "%s", strong ? "exact on the Brownian path" : "no weak error");
  } else {
    holds = judgement_slope(line->fit.slope, half, declared,
                            strong ? strong_tolerance : weak_tolerance);
    text_add(&claim, "%s order %g", convergence_kind(trial), declared);
  }
  if (line->observable != NULL)
    text_add(&claim, " in %s", line->observable->name);
  add_evidence(trial, line, half, &evidence);
  results_verdict(results, claim.data, holds, "%s", evidence.data);
  sde_free(claim.data);
  sde_free(evidence.data);
}

/* On fewer paths a mean of squares is too far from normal to be judged. */
enum { MOMENT_PATHS = 100 };

size_t convergence_worst_moment(const struct convergence_trials *trials,
                                const struct equation *equation, double quantile, double *worst)
{
  size_t compared = 0;
  *worst = 0;
  for (size_t i = 0; i < trials->count && compared == 0; i++) {
    const struct convergence_trial *trial = &trials->trial[i];
    if (trial->task.equation != equation || trial->task.kind != EQUATION_ERROR_WEAK)
      continue;
    for (size_t k = 0; k < convergence_lines(&trial->task); k++)
      for (size_t n = 0; n < trial->task.count; n++) {
        const struct convergence_point *point = &trial->line[k].point[n];
        if (isnan(point->expectation))
          continue;
        compared++;
        double student = sde_student_quantile(quantile, (double)point->paths - 1);
        double ratio = fabs(point->mean - point->expectation) / (student * point->mean_se);
        /* No standard error, few paths, or some lost: nothing is known any more. */
        bool known = isfinite(ratio) && point->diverged == 0 && point->paths >= MOMENT_PATHS &&
                     !isnan(*worst);
        *worst = known ? fmax(*worst, ratio) : NAN;
      }
  }
  return compared;
}

void convergence_judge_moments(const struct convergence_trials *trials,
                               const struct equation *equation, double quantile)
{
  double worst;
  size_t compared = convergence_worst_moment(trials, equation, quantile, &worst);
  if (compared == 0)
    return;
  char *claim = sde_format("%s: the %s that schemes are held against %s known moments",
                           equation->name, equation->flow != NULL ? "solutions" : "paths",
                           equation->flow != NULL ? "have their" : "have Euler-Maruyama's");
  if (isnan(worst))
    results_verdict(trials->results, claim, HOLDS_UNDECIDED,
                    "not known: fewer than %d paths, or some were lost", MOMENT_PATHS);
  else
    results_verdict(trials->results, claim, worst <= 1 ? HOLDS_YES : HOLDS_NO,
                    "the largest of %zu deviations is %.2f of what sampling allows", compared,
                    worst);
  sde_free(claim);
}
