/*
 * Observables: functions of the parameters that are averaged over an ensemble. theory.md section 8.
 */
#ifndef MODELS_OBSERVABLES_H
#define MODELS_OBSERVABLES_H

#include "models/objective.h"
#include "models/update_rule.h"
#include "sde/ensemble.h"

/* What every objective offers, for `sharpsde list`; a loss may have more. */
struct observable_type {
  const char *name, *help;
};

/* All observables that need no loss of their own, ended by NULL. */
const struct observable_type *const *observable_types(void);

/* The named observables of an objective, which must outlive them; NULL, and the status names the
 * unknown one. `place` is where the recipe asked for them. */
struct sde_observables *observables_new(const struct objective *objective, size_t count,
                                        const char *const *names, const char *place,
                                        struct sde_status *status);

/* The same of a state y = (x, extra) of an update rule, whose vectors beside x have observables too:
 * their coordinates, as p1, and of momentum p |p|^2 and the energies. NULL is a state of x alone. */
struct sde_observables *observables_of_state_new(const struct objective *objective,
                                                 const struct update_rule *update, size_t count,
                                                 const char *const *names, const char *place,
                                                 struct sde_status *status);
void observables_free(struct sde_observables *observables);

#endif
