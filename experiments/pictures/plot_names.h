/*
 * Names in the order of their first appearance, and a text that is put together from others: what
 * the drawing of pictures keeps of a table.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_NAMES_H
#define EXPERIMENTS_PICTURES_PLOT_NAMES_H

#include <stddef.h>

/* Starts as {0}. */
struct plot_names {
  size_t count;
  char **name;
};

/* The index of this name, which is appended where it is new. */
size_t plot_names_index(struct plot_names *names, const char *name);

void plot_names_clear(struct plot_names *names);

/* *text = *text followed by more; both are released. */
void plot_extend(char **text, char *more);

#endif
