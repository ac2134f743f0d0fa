/*
 * Pictures of series.csv: means over time, a picture a setting, a panel an observable.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_SERIES_H
#define EXPERIMENTS_PICTURES_PLOT_SERIES_H

#include "experiments/pictures/plot_wish.h"

/* As plot_run_as, of this table alone. */
bool plot_series(const char *directory, const struct plot_wish *wish, struct plot_files *files,
                 struct sde_status *status);

#endif
