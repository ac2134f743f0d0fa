/*
 * A program as an optimizer: what stands for its gradient rule and its update rule, about which theory
 * knows nothing. Its SDE follows from its steps, by all batches or fresh draws.
 */
#ifndef MODELS_PROGRAM_RULE_H
#define MODELS_PROGRAM_RULE_H

#include "models/optimizer.h"
#include "models/program.h"

struct program_rule;

/* The rule of a source, called `label`, which is copied; NULL, and the status says why. */
struct program_rule *program_rule_new(const struct program_source *source, const char *label,
                                      struct sde_status *status);
void program_rule_free(struct program_rule *rule);

/* As program_takes_batch_loss. */
bool program_rule_takes_batch_loss(const struct program_rule *rule);

/* Give the optimizer this rule, which must outlive it. */
void program_rule_set(const struct program_rule *rule, struct optimizer *optimizer);

/* Has the optimizer, a program, an SDE? Not where (y - y')/eta grows like 1/eta as eta falls, with
 * momentum held fixed for instance; false, and the status names the vector. Looked at near the
 * starting point, dim numbers of x. */
bool program_rule_has_limit(const struct optimizer *optimizer, const double *x, const char *place,
                            struct sde_status *status);

#endif
