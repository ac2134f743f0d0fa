/*
 * The resolved recipe: all that was read and every default that counts, as a recipe again. What is
 * a default of a key that the study or the noise does not use is left out: written, it would read
 * as given.
 */
#ifndef EXPERIMENTS_RECIPE_RESOLVE_H
#define EXPERIMENTS_RECIPE_RESOLVE_H

struct recipe;

/* YAML text in the order of the schema. Reading it gives the same text again. Released with
 * sde_free. */
char *resolve(const struct recipe *recipe);

#endif
