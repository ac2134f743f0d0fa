/*
 * What the coordinates of a run's loss are called, for the axes of its landscape.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_COORDINATES_H
#define EXPERIMENTS_PICTURES_PLOT_COORDINATES_H

/* The names of the first two with a space between them, "u v", or of the only one, as the recipe of
 * a formula or the type of the loss has them; empty where they have none. From recipe.yaml in
 * `directory`; released with sde_free. */
char *plot_coordinates(const char *directory);

#endif
