/*
 * Decay: see decay.h.
 */
#include "experiments/studies/decay.h"

#include "experiments/results/case_columns.h"
#include "experiments/results/interval_words.h"

#include <math.h>
#include <string.h>

/* The rate -log(E phi(X_t) / phi(x_0)) / t and its standard error. */
struct rate {
  double value, se;
};

struct decay {
  const struct run_case *one;
  const char *observable;
  struct rate iterates, solution;
  double closed_form, without_variance_term;
};

static struct rate rate_of(struct sde_moments moments, double start, double time)
{
  double mean = sde_moments_mean(moments);
  return (struct rate){-log(mean / start) / time,
                       sde_moments_standard_error(moments) / fabs(mean) / time};
}

/* Whether a closed form applies, and if so all that is known. */
static bool find_decay(const struct cases *cases, const struct comparison *row, struct decay *decay)
{
  const struct loss_observable *own = cases->loss->type->observables;
  const struct optimizer *optimizer = &row->one->optimizer;
  decay->one = row->one;
  decay->observable = cases->observable_name[row->observable];
  while (own != NULL && own->name != NULL && strcmp(own->name, decay->observable) != 0)
    own++;
  if (own == NULL || own->decay_rate == NULL || cases->objective->sampling == OBJECTIVE_GAUSSIAN ||
      cases->objective->domain != NULL ||
      cases->objective->reshuffled || /* the closed form is of independent batches */
      !gradient_rule_has_regularizer(optimizer->rule) ||
      (optimizer->rule->theory.regularizer & REGULARIZER_NORMS) != 0 ||
      !optimizer_steps_along_gradient(optimizer) || isnan(row->difference))
    return false;
  bool micro = (optimizer->rule->theory.regularizer & REGULARIZER_HALF_NOISE_TRACE) != 0;
  struct loss_setting setting = {
      optimizer->eta, optimizer->rho, objective_batch_factor(cases->objective, optimizer->batch),
      micro ? objective_batch_factor(cases->objective, optimizer->micro_batch) : 0};
  decay->closed_form = own->decay_rate(cases->loss, &setting);
  setting.micro_factor = 0;
  decay->without_variance_term = own->decay_rate(cases->loss, &setting);
  decay->iterates = rate_of(row->iterates, row->start, row->time);
  decay->solution = rate_of(row->solution, row->start, row->time);
  return true;
}

static const struct columns columns = {
    "decay.csv",
    (const struct column[]){COLUMNS_OF_CASE(decay),
                            COLUMN_OF_OBSERVABLE(decay, observable),
                            {"rate", COLUMN_FIELD(decay, iterates.value)},
                            {"se", COLUMN_FIELD(decay, iterates.se)},
                            {"sde_rate", COLUMN_FIELD(decay, solution.value)},
                            {"sde_se", COLUMN_FIELD(decay, solution.se)},
                            {"closed_form", COLUMN_FIELD(decay, closed_form)},
                            {"without_variance_term", COLUMN_FIELD(decay, without_variance_term)},
                            {.read = NULL}}};

static const char *const keys[] = {
    KEYS_OF_CASE, "observable", "rate",        "se",
    "sde_rate",   "sde_se",     "closed_form", "without_variance_term",
    NULL};

static void add_to_summary(struct results *results, const struct decay *decay)
{
  json_t *decays = json_object_get(results_summary(results), "decays");
  if (decays == NULL) {
    decays = json_array();
    json_object_set_new(results_summary(results), "decays", decays);
  }
  json_array_append_new(decays, columns_json(&columns, keys, decay));
}

/* The closed form is to leading order only, so the verdict asks on which side of the middle between
 * the two closed forms the rate lies. Farther from both than they are from each other, by more than
 * half of that, it tells nothing of the term. */
static void judge(struct results *results, const struct comparison *row, const struct decay *decay,
                  double quantile)
{
  double term = decay->closed_form - decay->without_variance_term;
  double beyond = decay->iterates.value - (decay->closed_form - term / 2);
  double half = quantile * decay->iterates.se;
  if (term < 0)
    beyond = -beyond;
  bool apart = fabs(beyond) - half > fabs(term);
  enum holds holds = apart            ? HOLDS_UNDECIDED
                     : beyond > half  ? HOLDS_YES
                     : beyond < -half ? HOLDS_NO
                                      : HOLDS_UNDECIDED;
  char *label = comparison_label(row);
  char *claim = sde_format("%s, eta %g: the decay of %s is nearer to the closed form with the "
                           "variance term than to that without",
                           label, row->one->optimizer.eta, decay->observable);
  results_verdict(results, claim, holds,
                  "measured %s, closed form %.5f with the term and %.5f without it, "
                  "both to leading order in eta and rho",
                  interval_words(decay->iterates.value, half).text, decay->closed_form,
                  decay->without_variance_term);
  sde_free(claim);
  sde_free(label);
}

void decay_report(struct results *results, const struct cases *cases, const struct comparison *row,
                  double quantile)
{
  struct decay decay;
  if (!find_decay(cases, row, &decay))
    return;
  columns_write(results, &columns, &decay);
  add_to_summary(results, &decay);
  char *label = case_label(row->one);
  results_note(results, false,
               "%-13s decay rate of %s: iterates %.6f +- %.1g, SDE %.6f +- %.1g, closed form to "
               "leading order %.6f\n",
               label, decay.observable, decay.iterates.value, decay.iterates.se,
               decay.solution.value, decay.solution.se, decay.closed_form);
  sde_free(label);
  if (decay.closed_form != decay.without_variance_term)
    judge(results, row, &decay, quantile);
}
