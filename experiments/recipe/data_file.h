/*
 * Data files: where a recipe's relative path is looked for.
 */
#ifndef EXPERIMENTS_RECIPE_DATA_FILE_H
#define EXPERIMENTS_RECIPE_DATA_FILE_H

/* The regular file that `name` means in a recipe, as an absolute path without links, released with
 * sde_free. A relative name is looked for in the recipe's folder, the current one, ../data beside
 * the recipe's folder, data/ beside the folder of the executable, and SHARPSDE_DATADIR/data.
 * Where there is none: NULL, and *searched lists the folders with ", " between them, released
 * with sde_free. */
char *data_file_find(const char *recipe, const char *name, char **searched);

#endif
