/*
 * Where pictures of a run are made: a folder of gnuplot's own inside the run's, from which whole
 * pictures are moved to their places.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_STUDIO_H
#define EXPERIMENTS_PICTURES_PLOT_STUDIO_H

#include "experiments/pictures/plot_wish.h"

enum { PLOT_DETAILS = 5 };

/* Starts as {0}; opened by plot_studio_open. */
struct plot_studio {
  const char *directory; /* of the run */
  const char *goal;      /* where whole pictures go */
  char *folder;          /* inside it: gnuplot works here */
  char *script;
  char *title; /* and caption, parted by a form feed, which neither of them can hold */
  char *sdes;  /* a name in quotes for each SDE of the run's summary */
  unsigned wanted;
  struct plot_files *files;
};

/* Find the script and make the folder; pictures made are added to `files`. Whatever it returns,
 * plot_studio_close follows. SDE_FAILED where the script is nowhere or no folder can be made. */
bool plot_studio_open(struct plot_studio *studio, const char *directory, const char *script,
                      const struct plot_wish *wish, struct plot_files *files,
                      struct sde_status *status);
void plot_studio_close(struct plot_studio *studio);

/* Draw a picture in each of the formats that are wanted: after TERMINAL, PICTURE, TITLE and SDES
 * the script gets `details`, up to the first NULL. SDE_FAILED where gnuplot or the disk fails. */
bool plot_studio_draw(const struct plot_studio *studio, const char *name,
                      char *const details[PLOT_DETAILS], struct sde_status *status);

#endif
