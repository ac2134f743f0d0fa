/*
 * The resolved recipe: all that was read and every default, as a recipe again.
 */
#ifndef EXPERIMENTS_RESOLVE_H
#define EXPERIMENTS_RESOLVE_H

struct recipe;

/* YAML text in the order of the schema. Reading it gives the same text again. Released with
 * sde_free. */
char *resolve(const struct recipe *recipe);

#endif
