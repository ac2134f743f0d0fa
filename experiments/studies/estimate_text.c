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
#include <sys/resource.h>
#include <unistd.h>

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

/* Bytes of what the tables of a run hold, and of single paths that are written. */
static double table_bytes(const struct cases *cases)
{
  const struct recipe *recipe = cases->recipe;
  double cells = 0, numbers = 0, sides = (double)(1 + recipe->sdes);
  double written = (double)parameters_u64(recipe->output, "paths");
  for (size_t i = 0; i < cases->count; i++) {
    size_t records;
    sde_free(case_record_steps(cases, &cases->one[i], &records));
    double table = (double)records * (double)cases->observables->count *
                   (double)(1 + recipe->sdes * (recipe->study->companions ? 3 : 1));
    cells = table > cells ? table : cells;
    numbers = fmax(numbers, written * (double)records * (double)cases->loss->dim * sides);
  }
  /* A tally for each thread and each node of the merging tree, and what the tables hold. */
  return cells * 24 * (omp_get_max_threads() + 12) + 150 * cells * (double)cases->count +
         8 * numbers;
}

/* Memory of this process now, with data and cases in place as a run has them; and the most that it
 * had, while the data were read. 0 where the system does not say. */
static double resident_bytes(double *most)
{
  struct rusage usage;
  long pages = 0;
  FILE *statm = fopen("/proc/self/statm", "r");
  if (statm != NULL && fscanf(statm, "%*d %ld", &pages) != 1)
    pages = 0;
  if (statm != NULL)
    fclose(statm);
  *most = getrusage(RUSAGE_SELF, &usage) == 0 ? 1024 * (double)usage.ru_maxrss : 0;
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void print_totals(const struct cases *cases, double resident, double read, bool chosen,
                         const struct estimate *least, const struct estimate *most, FILE *out)
{
  static const double program = 22e6; /* at least: libraries, code, and what a report takes */
  const struct recipe *recipe = cases->recipe;
  double bytes = fmax(read, fmax(resident, program) + most->bytes + table_bytes(cases));
  char *steps = range_text(least->path_steps, most->path_steps, steps_text);
  char *seconds = range_text(least->seconds, most->seconds, seconds_text);
  if (chosen && scheme_trial_leaves_substeps(recipe))
    fprintf(out,
            "# A pilot run chooses the substeps; %d are counted here, and k take about k/%d of "
            "that\n",
            SUBSTEPS_DEFAULT, SUBSTEPS_DEFAULT);
  if (recipe->study->ends_early)
    fputs("# At most, for paths that have left run no further:\n", out);
  fprintf(out, "# %zu cases, %s path-steps, about %s s on %d threads, about %.0f MB of memory\n",
          cases->count, steps, seconds, omp_get_max_threads(), ceil(bytes / 1e6));
  sde_free(seconds);
  sde_free(steps);
}

void estimate_print(const struct cases *cases, FILE *out, struct sde_status *status)
{
  char *forms = forms_text(cases, "# ");
  fputs(forms, out);
  sde_free(forms);
  if (!isnan(recipe_tolerance(cases->recipe))) {
    tolerance_estimate(cases, out, status);
    return;
  }
  struct stopwatch *stopwatch = stopwatch_new();
  struct estimate least = {.stopwatch = stopwatch}, most = least;
  double read, resident = resident_bytes(&read);
  bool chosen = scheme_choice_estimate(cases, &least, &most);
  if (!chosen && estimate_add_study(cases, &least, status))
    most = least;
  if (status->code == SDE_OK)
    print_totals(cases, resident, read, chosen, &least, &most, out);
  stopwatch_free(stopwatch);
}
