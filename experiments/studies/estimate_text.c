/*
 * What a recipe will cost, for people: see estimate_text.h.
 */
#include "experiments/studies/estimate_text.h"

#include "experiments/cases/estimate.h"
#include "experiments/cases/forms.h"
#include "experiments/cases/scheme_choice.h"
#include "experiments/cases/scheme_trial.h"
#include "experiments/recipe/study.h"
#include "experiments/studies/tolerance.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static char *steps_text(double steps)
{
  return sde_format("%.3g", steps);
}

static char *seconds_text(double seconds)
{
  return sde_format(seconds < 10 ? "%.2g" : "%.0f", seconds);
}

/* "3", or "3 to 4" where the scheme is to be chosen by a pilot. */
static char *range_text(double least, double most, char *(*text_of)(double))
{
  char *low = text_of(least), *high = text_of(most);
  bool same = strcmp(low, high) == 0;
  char *text = sde_format("%s%s%s", low, same ? "" : " to ", same ? "" : high);
  sde_free(low);
  sde_free(high);
  return text;
}

void estimate_print(const struct cases *cases, FILE *out, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  double cells = 0;
  struct estimate least = {0, 0}, most = {0, 0};
  char *forms = forms_text(cases, "# ");
  fputs(forms, out);
  sde_free(forms);
  if (!isnan(recipe_tolerance(recipe))) {
    tolerance_estimate(cases, out, status);
    return;
  }
  bool chosen = scheme_choice_estimate(recipe, &least, &most);
  if (!chosen) {
    if (!estimate_add_study(cases, &least, status))
      return;
    most = least;
  }
  for (size_t i = 0; i < cases->count; i++) {
    size_t records;
    sde_free(case_record_steps(cases, &cases->one[i], &records));
    double table = (double)records * (double)cases->observables->count *
                   (double)(1 + recipe->sdes * (recipe->study->companions ? 3 : 1));
    cells = table > cells ? table : cells;
  }
  /* A tally for each thread and each node of the merging tree, and what the tables hold. */
  double bytes = cells * 24 * (omp_get_max_threads() + 12) + 150 * cells * (double)cases->count;
  char *steps = range_text(least.path_steps, most.path_steps, steps_text);
  char *seconds = range_text(least.seconds, most.seconds, seconds_text);
  if (chosen && scheme_trial_leaves_substeps(recipe))
    fprintf(out,
            "# A pilot run chooses the substeps; %d are counted here, and k take about k/%d of "
            "that\n",
            SUBSTEPS_DEFAULT, SUBSTEPS_DEFAULT);
  if (recipe->study->ends_early)
    fputs("# At most, for paths that have left run no further:\n", out);
  fprintf(out, "# %zu cases, %s path-steps, about %s s on %d threads, about %.0f MB of memory\n",
          cases->count, steps, seconds, omp_get_max_threads(), 20 + bytes / 1e6);
  sde_free(seconds);
  sde_free(steps);
}
