/*
 * What is told of means to a tolerance: the summary's object, multilevel.csv, and the sums for
 * people. See tolerance.h.
 */
#include "experiments/studies/tolerance.h"

#include "experiments/results/case_columns.h"
#include "experiments/results/series.h"
#include "experiments/studies/tolerance_run.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static double substeps_of(const struct tolerance_case *done, const struct sde_multilevel *levels,
                          uint64_t steps)
{
  return done->one->optimizer.eta * (double)steps / levels->problem.time;
}

/* The moments that level l adds to the sum, and the normals that one path of it draws. */
static struct sde_moments level_moments(const struct sde_multilevel *levels, size_t l, size_t o)
{
  const struct sde_level *level = &levels->level[l];
  return l == levels->first ? level->value[o] : level->difference[o];
}

/* A level of the estimate of an observable's mean. */
struct level_row {
  const struct run_case *one;
  size_t sde;
  const char *scheme, *observable;
  double substeps;
  uint64_t steps, paths;
  struct sde_moments moments;
  double cost; /* normals that a path draws */
};

static struct cell variance(const void *moments)
{
  return cell_of_real(sde_moments_variance(*(const struct sde_moments *)moments));
}

static const struct columns level_columns = {
    "multilevel.csv",
    (const struct column[]){
        COLUMNS_OF_CASE(level_row),
        COLUMN_OF_SDE(level_row),
        {"scheme", COLUMN_FIELD(level_row, scheme)},
        COLUMN_OF_OBSERVABLE(level_row, observable),
        {"substeps", COLUMN_FIELD(level_row, substeps)},
        {"steps", COLUMN_FIELD(level_row, steps)},
        {"paths", COLUMN_FIELD(level_row, paths)},
        {"mean", COLUMN_READ(level_row, moments, struct sde_moments, cell_mean)},
        {"variance", COLUMN_READ(level_row, moments, struct sde_moments, variance)},
        {"cost", COLUMN_FIELD(level_row, cost)},
        {.read = NULL}}};

static const char *const keys_of_levels[] = {"substeps", "steps", "paths", "mean",
                                             "variance", "cost",  NULL};

static struct level_row level_row_of(const struct tolerance_case *done, size_t sde,
                                     size_t observable, size_t l)
{
  const struct sde_multilevel *levels = done->answer[sde].levels;
  const struct sde_level *level = &levels->level[l];
  return (struct level_row){.one = done->one,
                            .sde = sde,
                            .scheme = levels->problem.scheme->name,
                            .observable = done->cases->observable_name[observable],
                            .substeps = substeps_of(done, levels, level->steps),
                            .steps = level->steps,
                            .paths = level->paths,
                            .moments = level_moments(levels, l, observable),
                            .cost = level->normals};
}

static json_t *plain_json(const struct tolerance_case *done, const struct tolerance_answer *answer,
                          const char *scheme, const struct sde_plain *plain)
{
  return json_pack("{s:s, s:o, s:I, s:o, s:o, s:o}", "scheme", scheme, "substeps",
                   results_json(substeps_of(done, answer->levels, plain->steps)), "steps",
                   (json_int_t)plain->steps, "paths", results_json(ceil(plain->paths)), "normals",
                   results_json(plain->normals), "evaluations", results_json(plain->evaluations));
}

json_t *tolerance_json(const struct tolerance_case *done, size_t sde, size_t observable)
{
  const struct tolerance_answer *answer = &done->answer[sde];
  const struct sde_multilevel *levels = answer->levels;
  json_t *list = json_array(), *plain = json_array();
  for (size_t l = levels->first; l < levels->levels; l++) {
    struct level_row row = level_row_of(done, sde, observable, l);
    json_array_append_new(list, columns_json(&level_columns, keys_of_levels, &row));
  }
  const char *scheme = levels->problem.scheme->name;
  json_array_append_new(plain, plain_json(done, answer, scheme, &answer->same));
  if (strcmp(scheme, "euler-maruyama") != 0 && !isnan(answer->euler.paths))
    json_array_append_new(plain, plain_json(done, answer, "euler-maruyama", &answer->euler));
  return json_pack(
      "{s:s, s:f, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "scheme", scheme, "tolerance",
      levels->problem.tolerance, "reached", levels->reached, "levels", list, "normals",
      results_json(answer->normals), "evaluations", results_json(answer->evaluations), "plain",
      plain, "gain", results_json(answer->same.normals / answer->normals), "gain_evaluations",
      results_json(answer->same.evaluations / answer->evaluations), "gain_over_euler_maruyama",
      results_json(answer->euler.normals / answer->normals));
}

void tolerance_write(struct results *results, const struct tolerance_case *done)
{
  columns_begin(results, &level_columns);
  for (size_t s = 0; s < done->cases->recipe->sdes; s++)
    for (size_t o = 0; o < done->cases->observables->count; o++) {
      const struct sde_multilevel *levels = done->answer[s].levels;
      for (size_t l = levels->first; l < levels->levels; l++) {
        struct level_row row = level_row_of(done, s, o, l);
        columns_write(results, &level_columns, &row);
      }
    }
}

static void print_plain(struct results *results, const struct tolerance_case *done,
                        const struct tolerance_answer *answer, const char *scheme,
                        const struct sde_plain *plain)
{
  results_note(results, false,
               "  plain Monte Carlo, %s, %" PRIu64 " steps (%g substeps): %.3g paths, %.3g normal "
               "draws, %.3g times as many\n",
               scheme, plain->steps, substeps_of(done, answer->levels, plain->steps), plain->paths,
               plain->normals, plain->normals / answer->normals);
}

void tolerance_print(struct results *results, const struct tolerance_case *done)
{
  char *label = case_label(done->one);
  for (size_t s = 0; s < done->cases->recipe->sdes; s++) {
    const struct tolerance_answer *answer = &done->answer[s];
    const struct sde_multilevel *levels = answer->levels;
    const char *scheme = levels->problem.scheme->name;
    results_note(results, false,
                 "Multilevel, %s, eta %g, SDE %zu, %s: %.3g normal draws\n  steps:paths", label,
                 done->one->optimizer.eta, s, scheme, answer->normals);
    for (size_t l = levels->first; l < levels->levels; l++)
      results_note(results, false, " %" PRIu64 ":%" PRIu64, levels->level[l].steps,
                   levels->level[l].paths);
    results_note(results, false, "\n");
    print_plain(results, done, answer, scheme, &answer->same);
    if (strcmp(scheme, "euler-maruyama") != 0 && !isnan(answer->euler.paths))
      print_plain(results, done, answer, "euler-maruyama", &answer->euler);
  }
  sde_free(label);
}
