/*
 * Pictures of a run: the result tables are regrouped here and drawn by gnuplot with the scripts of
 * plots/. What a picture looks like is said there and nowhere in C.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_H
#define EXPERIMENTS_PICTURES_PLOT_H

#include "experiments/pictures/plot_wish.h"

/* As plot_run, below, in the wanted formats and with a caption. A picture that cannot move is left
 * out of a wish for a gif; where that leaves nothing, SDE_INVALID. */
bool plot_run_as(const char *directory, const char *study, const struct plot_wish *wish,
                 struct plot_files *files, struct sde_status *status);

/* Draw the pictures of the run in `directory`, each as svg and png, from the tables that `study`
 * leaves there; `title` is any UTF-8 text and heads every picture. `files` is overwritten with the
 * names of the pictures, also where a later one failed, and released with plot_files_free.
 *
 * compare, trajectory: series.csv (header optimizer,micro_batch,batch,eta,rho,process,sde,
 * observable,time,mean,se,n,diverged) gives series.svg and series.png, or, where it holds several
 * settings of eta, rho, batch and number of paths (n + diverged), series-1.svg, series-2.svg, ...
 * in the order of the table. A row without a (finite) mean is a gap in its curve; the band
 * is mean +- 1.96 se. Where several curves fill less than a seventh of a panel's height in the
 * second half of the time, all panels are drawn again over that half.
 *
 * order: order.csv gives order.svg and order.png, a panel an observable and axis.
 *
 * regularizer: regularizer.csv gives regularizer.svg and .png; norms.csv, where there is one, gives
 * norms.svg and norms.png.
 *
 * landscape: landscape.csv, with paths.csv and minima.csv, gives landscape.svg and .png;
 * density.csv gives density.svg and density.png. A run has one of the two. Axes have the names of
 * the loss's coordinates (plot_coordinates.h).
 *
 * The scripts are looked for in $SHARPSDE_PLOTS or, where that is not set, in plots/ beside the
 * folder of the executable, then in SHARPSDE_DATADIR/plots. gnuplot is found on PATH, and has for
 * each picture the seconds that $SHARPSDE_PLOT_SECONDS says, 60 where that is not set.
 *
 * A picture appears whole or not at all; one of the same name is replaced. Errors: SDE_INVALID for
 * a study without pictures and a table that is missing or broken (FILE:LINE: ...); SDE_FAILED where
 * gnuplot or the scripts are missing, gnuplot fails, takes too long or draws nothing, or a file
 * cannot be written. */
bool plot_run(const char *directory, const char *study, const char *title, struct plot_files *files,
              struct sde_status *status);

#endif
