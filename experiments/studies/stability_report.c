/*
 * Stability of cases: see stability_report.h.
 */
#include "experiments/studies/stability_report.h"

#include "analysis/stability.h"

#include <math.h>

/* Points of the mean path that are looked at, beside the start. */
enum { POINTS = 8 };

static json_t *describe(const struct run_case *one, struct stability at)
{
  char *label = case_label(one);
  json_t *made = json_pack("{s:s, s:I, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "optimizer", label,
                           "batch", (json_int_t)one->optimizer.batch, "eta", one->optimizer.eta,
                           "rho", one->optimizer.rho, "largest_curvature", results_json(at.largest),
                           "smallest_curvature", results_json(at.smallest), "step",
                           results_json(at.step), "turning", results_json(at.turning),
                           "noise_to_signal", results_json(at.noise_to_signal));
  sde_free(label);
  return made;
}

static void warn(struct results *results, const struct run_case *step, struct stability at_step,
                 const struct run_case *turning, struct stability at_turning)
{
  char *label = case_label(at_step.step > 2 ? step : turning);
  if (at_step.step > 2)
    results_note(results, true,
                 "sharpsde: %s, eta %g, rho %g: eta lambda (1 + rho lambda) is %.3g at the largest "
                 "curvature, %.3g: above 2 the iterates explode there, whatever the SDE does; no "
                 "claim below outweighs that\n",
                 label, step->optimizer.eta, step->optimizer.rho, at_step.step, at_step.largest);
  sde_free(label);
  label = case_label(turning);
  if (at_turning.turning > 1)
    results_note(
        results, true,
        "sharpsde: %s, eta %g, rho %g: rho |lambda| is %.3g at the curvature %.3g: above 1 "
        "rho turns saddles and maxima of f into minima of f + rho R, far from small rho; "
        "no claim below outweighs that\n",
        label, turning->optimizer.eta, turning->optimizer.rho, at_turning.turning,
        at_turning.smallest);
  sde_free(label);
}

void stability_report(struct results *results, const struct cases *cases)
{
  const struct run_case *step = &cases->one[0], *turning = step;
  struct stability at_step = {.step = -INFINITY}, at_turning = {.turning = -INFINITY};
  json_t *rows = json_array();
  for (size_t i = 0; i < cases->count; i++) {
    const struct run_case *one = &cases->one[i];
    struct stability at = stability_along(&one->optimizer, cases->start, one->steps, POINTS);
    json_array_append_new(rows, describe(one, at));
    if (at.step > at_step.step) {
      step = one;
      at_step = at;
    }
    if (at.turning > at_turning.turning) {
      turning = one;
      at_turning = at;
    }
  }
  json_object_set_new(results_summary(results), "stability", rows);
  if (cases->count > 0)
    warn(results, step, at_step, turning, at_turning);
}
