/*
 * Rates and betas of running averages: see update_averages.h.
 */
#include "models/update_averages.h"

static bool read_number(const struct parameters *given, const char *name, bool is_rate,
                        double number, double eta, double *rate, struct sde_status *status)
{
  *rate = is_rate ? number : (1 - number) / eta;
  if (is_rate && (number <= 0 || number * eta > 1))
    return sde_fail(
        status, SDE_INVALID,
        "%s: %s %g at eta %g is a beta of %g; it must be above 0 and at most 1/eta = %g",
        parameters_place(given, name), name, number, eta, 1 - eta * number, 1 / eta);
  if (!is_rate && !(number >= 0 && number < 1))
    return sde_fail(status, SDE_INVALID, "%s: %s %g; it must be from 0 and below 1",
                    parameters_place(given, name), name, number);
  return true;
}

bool update_averages_read(const struct parameters *given, const char *rate_name,
                          const char *beta_name, size_t count, struct optimizer *optimizer,
                          struct sde_status *status)
{
  const char *rule = optimizer->update->name;
  bool rates = given != NULL && parameters_has(given, rate_name);
  bool betas = given != NULL && parameters_has(given, beta_name);
  if (rates == betas)
    return sde_fail(status, SDE_INVALID, "%s: %s needs %s or %s%s; a rate is (1 - beta)/eta",
                    given == NULL ? "update" : parameters_place(given, "name"), rule, rate_name,
                    beta_name, rates ? ", not both" : "");
  size_t length;
  const char *name = rates ? rate_name : beta_name;
  const double *number = parameters_reals(given, name, &length);
  if (length != count)
    return sde_fail(status, SDE_INVALID, "%s: %s has %zu numbers; %s takes %zu",
                    parameters_place(given, name), name, length, rule, count);
  for (size_t i = 0; i < count; i++)
    if (!read_number(given, name, rates, number[i], optimizer->eta, &optimizer->update_setting[i],
                     status))
      return false;
  return true;
}
