/*
 * What is asked of the pictures of a run, and which were made: what plot.h and the files behind it
 * share.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_WISH_H
#define EXPERIMENTS_PICTURES_PLOT_WISH_H

#include "sde/status.h"

/* The pictures made: file names relative to the directory of the run. */
struct plot_files {
  size_t count;
  char **names;
};
void plot_files_free(struct plot_files *files);

/* The kinds of file, a bit each. An svg and a png are for the screen; of a pdf a pixel of theirs is
 * half a point, so that letters have 8 points; a gif moves, and only landscapes do. */
enum plot_format { PLOT_SVG = 1, PLOT_PNG = 2, PLOT_PDF = 4, PLOT_GIF = 8 };

/* What is asked for. */
struct plot_wish {
  const char *title;   /* any UTF-8 text, above every picture */
  const char *caption; /* the same, below; NULL or empty for none */
  unsigned formats;    /* enum plot_format, several allowed */
  const char *folder;  /* where pictures go; NULL for the directory of the run */
};

/* Add the format of this name (svg, png, pdf, gif) to a set; SDE_INVALID for another name. */
bool plot_formats_add(unsigned *set, const char *name, struct sde_status *status);

#endif
