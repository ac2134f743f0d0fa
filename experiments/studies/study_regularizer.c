/*
 * The study `regularizer`: the coefficient of grad tr V (of grad E|g_I|, where the optimizer is
 * normalised) measured in the mean update direction at the start, beside the predicted one; for
 * normalised optimizers also E|g_I| itself against the size of the batch.
 */
#include "analysis/drift_probe.h"
#include "experiments/cases/case_run.h"
#include "experiments/cases/estimate.h"
#include "experiments/io/progress.h"
#include "experiments/io/text.h"
#include "experiments/recipe/study.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/interval_words.h"
#include "experiments/studies/comparison.h"
#include "experiments/studies/norms.h"
#include "experiments/studies/regularizer_judge.h"

#include <inttypes.h>
#include <math.h>

/* A coefficient at a case's rho and, where the loss is not quadratic, at half of it. */
struct measured {
  const struct run_case *one;
  double coefficient, se, predicted, rounding;
  double part, part_se; /* at half of rho; NAN without */
};

static struct sde_stream probe_stream(const struct cases *cases, const struct optimizer *optimizer)
{
  char *name = sde_format("probe %s m=%zu b=%zu rho=%.17g", optimizer->rule->name,
                          optimizer->micro_batch, optimizer->batch, optimizer->rho);
  struct sde_stream stream = sde_stream_named(parameters_u64(cases->recipe->common, "seed"), name);
  sde_free(name);
  return stream;
}

/* A coordinate of the mean direction, beside the first-order drift with the regulariser's term and
 * without it. */
struct drift_row {
  const struct run_case *one;
  size_t coordinate; /* from 1 */
  struct sde_moments direction;
  double with_term, without_term;
};

static const struct columns drift = {
    "drift.csv",
    (const struct column[]){
        COLUMNS_OF_CASE(drift_row),
        {"coordinate", COLUMN_FIELD(drift_row, coordinate)},
        {"mean", COLUMN_READ(drift_row, direction, struct sde_moments, cell_mean)},
        {"se", COLUMN_READ(drift_row, direction, struct sde_moments, cell_standard_error)},
        {"with_term", COLUMN_FIELD(drift_row, with_term)},
        {"without_term", COLUMN_FIELD(drift_row, without_term)},
        {.read = NULL}}};

static void write_drift(struct results *results, const struct run_case *one,
                        const struct drift_probe *probe, const struct drift_probe_result *result)
{
  for (size_t i = 0; i < probe->dim; i++) {
    struct drift_row row = {.one = one,
                            .coordinate = i + 1,
                            .direction = result->direction[i],
                            .with_term = probe->base[i] + probe->predicted * probe->slope[i],
                            .without_term = probe->base[i]};
    columns_write(results, &drift, &row);
  }
}

static struct cell regularized(const void *row)
{
  const struct measured *measured = row;
  return cell_of_text(drift_probe_slope(measured->one->optimizer.rule));
}

static struct cell paths_of(const void *row)
{
  return cell_of_whole(((const struct measured *)row)->one->paths);
}

static const struct columns columns = {
    "regularizer.csv",
    (const struct column[]){
        {.heading = "optimizer",
         .width = -12,
         .of_labels = true,
         COLUMN_OF_ONE(measured, cell_case_label)},
        COLUMNS_OF_OPTIMIZER(measured),
        {"micro_batch", COLUMN_OF_ONE(measured, cell_case_micro_batch)},
        {"batch", .heading = "batch", .width = -6, COLUMN_OF_ONE(measured, cell_case_batch)},
        {"eta", COLUMN_OF_ONE(measured, cell_case_eta)},
        {"rho", .heading = "rho", .width = -8, COLUMN_OF_ONE(measured, cell_case_rho)},
        {.key = "of", .heading = "of", .width = -12, COLUMN_OF_ROW(regularized)},
        {"coefficient", NULL, "coefficient", NULL, 12, 6, COLUMN_FIELD(measured, coefficient)},
        {"se", NULL, "s.e.", " +- ", -9, 2, COLUMN_FIELD(measured, se)},
        {"predicted", NULL, "predicted", NULL, 12, 6, COLUMN_FIELD(measured, predicted)},
        {"n", "paths", COLUMN_OF_ROW(paths_of)},
        {.read = NULL}}};

static const char *const keys_of_rows[] = {KEYS_OF_VARIANT, "rho", "paths",     "of",
                                           "coefficient",   "se",  "predicted", NULL};

static void write_coefficient(struct results *results, json_t *rows, const struct measured *row)
{
  columns_write(results, &columns, row);
  columns_print(results, &columns, row);
  json_array_append_new(rows, columns_json(&columns, keys_of_rows, row));
}

/* What in the recipe stands against a probe, where something does. */
static const char *place_of(const struct cases *cases, const struct run_case *one)
{
  return parameters_place(cases->recipe->common, one->optimizer.rho > 0 ? "study" : "rho");
}

/* Probe one case; the result, which is to be freed, belongs to *probe. NULL, and the status says
 * why. */
static struct drift_probe *probe_case(const struct cases *cases, const struct run_case *one,
                                      int threads, struct progress *progress,
                                      struct results *results, struct drift_probe_result *result,
                                      struct sde_status *status)
{
  struct drift_probe *probe =
      drift_probe_new(&one->optimizer, cases->start, parameters_u64(cases->recipe->common, "seed"),
                      place_of(cases, one), status);
  if (probe == NULL)
    return NULL;
  char *label = case_label(one);
  progress_part(progress, label, case_work(one, cases->recipe->sdes, false, one->paths),
                one->paths);
  *result = drift_probe_run(probe, probe_stream(cases, &one->optimizer), one->paths, threads,
                            progress == NULL ? NULL : progress_paths, progress,
                            progress_keeper(progress));
  progress_ran(progress, result->own_paths, result->own_work);
  if (result->not_finite > 0) {
    results_note(results, true,
                 "sharpsde: %s, rho %g: %" PRIu64 " of %" PRIu64
                 " directions are not finite and were left out\n",
                 label, one->optimizer.rho, result->not_finite, one->paths);
    results_fail(results);
  }
  sde_free(label);
  return probe;
}

/* The rows of the second run, at half of rho. */
static json_t *half_rows(struct results *results)
{
  json_t *rows = json_object_get(results_summary(results), "half_rho");
  if (rows == NULL) {
    rows = json_array();
    json_object_set_new(results_summary(results), "half_rho", rows);
  }
  return rows;
}

/* The second run, which shows the part of order rho^2. */
static bool measure_half(const struct cases *cases, int threads, struct progress *progress,
                         struct results *results, struct measured *row, struct sde_status *status)
{
  struct run_case half = *row->one;
  half.optimizer.rho /= 2;
  struct drift_probe_result result;
  struct drift_probe *probe = probe_case(cases, &half, threads, progress, results, &result, status);
  if (probe == NULL)
    return false;
  row->part = sde_moments_mean(result.coefficient);
  row->part_se = result.se;
  struct measured at_half = {&half,           row->part, result.se, probe->predicted,
                             probe->rounding, NAN,       NAN};
  json_array_append_new(half_rows(results), columns_json(&columns, keys_of_rows, &at_half));
  drift_probe_result_free(&result);
  drift_probe_free(probe);
  return true;
}

/* Probe one case and write its rows. */
static bool measure(const struct cases *cases, const struct run_case *one, int threads,
                    struct progress *progress, struct results *results, json_t *rows,
                    struct measured *row, struct sde_status *status)
{
  struct drift_probe_result result;
  struct drift_probe *probe = probe_case(cases, one, threads, progress, results, &result, status);
  if (probe == NULL)
    return false;
  *row = (struct measured){
      one, sde_moments_mean(result.coefficient), result.se, probe->predicted, probe->rounding, NAN,
      NAN};
  write_coefficient(results, rows, row);
  write_drift(results, one, probe, &result);
  drift_probe_result_free(&result);
  drift_probe_free(probe);
  return cases->loss->quadratic || measure_half(cases, threads, progress, results, row, status);
}

/* What is judged: without the part of order rho^2 where there is one. */
static struct regularizer_measured judged(const struct measured *row, double quantile)
{
  struct regularizer_measured whole = {row->coefficient, quantile * row->se + row->rounding,
                                       row->predicted};
  struct regularizer_measured part = {row->part, quantile * row->part_se + row->rounding,
                                      row->predicted / 2};
  return isnan(row->part) ? whole : regularizer_extrapolate(whole, part);
}

/* The batch of all samples has no variance term, and there nothing is to be told from 0 but the
 * term that drawing with replacement would have. */
static enum holds judge(const struct cases *cases, const struct measured *row, double quantile)
{
  const struct optimizer *optimizer = &row->one->optimizer;
  double c = objective_batch_factor(cases->objective, optimizer->batch);
  double usam = optimizer->rho * (c > 0 ? c : 1 / (double)optimizer->batch) / 2;
  return regularizer_judge(judged(row, quantile), usam);
}

/* Do two rows differ in the micro-batch only? */
static bool same_family(const struct measured *a, const struct measured *b)
{
  const struct optimizer *x = &a->one->optimizer, *y = &b->one->optimizer;
  return x->rule == y->rule && x->batch == y->batch && x->rho == y->rho &&
         a->one->paths == b->one->paths;
}

/* One verdict for all micro-batches of an optimizer, batch and rho. */
static void family_verdict(struct results *results, const struct cases *cases,
                           const struct measured *all, size_t count, size_t first)
{
  double quantile = comparison_quantile(cases, count);
  const struct optimizer *optimizer = &all[first].one->optimizer;
  struct text text = {0};
  enum holds holds = HOLDS_YES;
  for (size_t i = first; i < count; i++) {
    if (!same_family(&all[i], &all[first]))
      continue;
    enum holds one = judge(cases, &all[i], quantile);
    if (one == HOLDS_NO || holds == HOLDS_YES)
      holds = one;
    char *label = case_label(all[i].one);
    struct regularizer_measured at = judged(&all[i], quantile);
    text_add(&text, "%s%s: %s, predicted %.5g%s", i == first ? "" : "; ", label,
             interval_words(at.coefficient, at.half).text, at.predicted, results_flag(one));
    sde_free(label);
  }
  if (!cases->loss->quadratic)
    text_add(&text,
             "; the loss is not quadratic: the part of order rho^2 is estimated by a second "
             "run at rho %g and taken off, and counts in the intervals%s",
             optimizer->rho / 2,
             holds == HOLDS_UNDECIDED ? "; a smaller rho and more paths would decide" : "");
  unsigned terms = optimizer->rule->theory.regularizer;
  char *claim = sde_format(
      "%s, b %zu, rho %g: the mean direction %s", optimizer->rule->name, optimizer->batch,
      optimizer->rho,
      (terms & REGULARIZER_NORMS) != 0
          ? "has rho grad E|g_I| in it, with coefficient rho, not half or twice it"
      : (terms & REGULARIZER_HALF_NOISE_TRACE) == 0
          ? "has no part along grad tr V: the full gradient does not see the noise"
          : "has the variance term, grad tr V with coefficient rho c(m)/2, not half or twice it");
  results_verdict(results, claim, holds, "%s", text.data);
  sde_free(claim);
  sde_free(text.data);
}

static bool leads_family(const struct measured *all, size_t index)
{
  for (size_t i = 0; i < index; i++)
    if (same_family(&all[i], &all[index]))
      return false;
  return true;
}

static bool check(const struct cases *cases, struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  if (parameters_count(common, "eta") > 1)
    return sde_fail(status, SDE_INVALID,
                    "%s: one eta is enough: the mean direction does not depend on it",
                    parameters_place(common, "eta"));
  for (size_t i = 0; i < cases->count; i++)
    if (!drift_probe_check(&cases->one[i].optimizer, cases->start, parameters_u64(common, "seed"),
                           place_of(cases, &cases->one[i]), status))
      return false;
  return true;
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  (void)recipe;
  if (!check(cases, status))
    return false;
  struct measured *all = sde_alloc(cases->count, sizeof *all);
  json_t *rows = json_array();
  results_note(results, false, "At the start, coefficient +- standard error\n");
  columns_print_headings(results, &columns);
  bool good = true;
  for (size_t i = 0; good && i < cases->count; i++)
    good = measure(cases, &cases->one[i], threads, progress, results, rows, &all[i], status);
  results_note(results, false, "\n");
  for (size_t i = 0; good && i < cases->count; i++)
    if (leads_family(all, i))
      family_verdict(results, cases, all, cases->count, i);
  if (good)
    norms_report(cases, threads, progress, results);
  json_object_set_new(results_summary(results), "rows", rows);
  sde_free(all);
  return good;
}

/* One step of each path, by the optimizer and by SGD, and the table of norms. */
static bool estimate(const struct cases *cases, struct estimate *estimate,
                     struct sde_status *status)
{
  (void)status;
  for (size_t i = 0; i < cases->count; i++)
    estimate_add(estimate, cases->one[i].iterates, cases->one[i].dim, cases->one[i].start,
                 (cases->loss->quadratic ? 1 : 2) * DRIFT_PROBE_STEPS, cases->one[i].paths);
  norms_estimate(cases, estimate);
  return true;
}

static const char *const unused[] = {"eta",
                                     "time",
                                     "sde",
                                     "observables",
                                     "records",
                                     "max_diverged",
                                     "divergence_bound",
                                     "tolerance",
                                     "variance_reduction",
                                     NULL};

/* One eta, and no sgd, which has no regulariser. */
static const char *const starter[] = {"eta", "0.1", NULL};
static const char *const starter_optimizers[] = {"{name: n-usam}",
                                                 "{name: m-usam, micro_batch: [4, 2, 1]}", NULL};

extern const struct study_type study_regularizer;
const struct study_type study_regularizer = {
    .name = "regularizer",
    .summary = "the regulariser's coefficient in the mean direction at the start, measured",
    .unused = unused,
    .starter = starter,
    .starter_optimizers = starter_optimizers,
    .check = check,
    .estimate = estimate,
    .run = run,
};
