/*
 * Pictures of a run: the result tables are regrouped here and drawn by gnuplot with the scripts of
 * plots/. What a picture looks like is said there and nowhere in C.
 */
#ifndef EXPERIMENTS_PLOT_H
#define EXPERIMENTS_PLOT_H

#include "sde/status.h"

/* The pictures made: file names relative to the directory of the run. */
struct plot_files {
  size_t count;
  char **names;
};

/* Draw the pictures of the run in `directory`, each as svg and png, from the tables that `study`
 * leaves there; `title` is any UTF-8 text and heads every picture. `files` is overwritten with the
 * names of the pictures, also where a later one failed, and released with plot_files_free.
 *
 * compare, trajectory: series.csv (header optimizer,micro_batch,batch,eta,rho,process,sde,
 * observable,time,mean,se,n,diverged) gives series.svg and series.png, or, where it holds several
 * settings of eta, rho, batch and number of paths (n + diverged), series-1.svg, series-2.svg, ...
 * in the order of the table. A row without a (finite) mean is a gap in its curve; the band
 * is mean +- 1.96 se.
 *
 * order: order.csv gives order.svg and order.png, a panel an observable and axis.
 *
 * regularizer: regularizer.csv gives regularizer.svg and .png; norms.csv, where there is one, gives
 * norms.svg and norms.png.
 *
 * The scripts are looked for in $SHARPSDE_PLOTS or, where that is not set, in plots/ beside the
 * folder of the executable, then in SHARPSDE_DATADIR/plots. gnuplot is found on PATH.
 *
 * A picture appears whole or not at all; one of the same name is replaced. Errors: SDE_INVALID for
 * a study without pictures and a table that is missing or broken (FILE:LINE: ...); SDE_FAILED where
 * gnuplot or the scripts are missing, gnuplot fails, or a file cannot be written. */
bool plot_run(const char *directory, const char *study, const char *title, struct plot_files *files,
              struct sde_status *status);

void plot_files_free(struct plot_files *files);

#endif
