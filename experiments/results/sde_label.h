/*
 * Names of a run's SDEs for legends and reports: what differs between them.
 */
#ifndef EXPERIMENTS_RESULTS_SDE_LABEL_H
#define EXPERIMENTS_RESULTS_SDE_LABEL_H

#include <jansson.h>
#include <stddef.h>

/* The name of one of the list `sdes` of a summary: "SDE" where it is alone, else "SDE 1, " and
 * what tells it from the others: "no variance term", "ρ⁰", "2nd order in η", a scheme, substeps. An
 * SDE that the list does not have is "SDE" and its index. Released with sde_free. */
char *sde_label(const json_t *sdes, size_t index);

/* All of it: "first order in η, first order in ρ; euler-maruyama, 16 substeps". */
char *sde_description(const json_t *sde);

#endif
