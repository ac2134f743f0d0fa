/*
 * Data files: where the file is that a recipe names.
 */
#ifndef EXPERIMENTS_RECIPE_DATA_FILE_H
#define EXPERIMENTS_RECIPE_DATA_FILE_H

/* The regular file that `name` means in a recipe, as an absolute path without links, released with
 * sde_free. A relative name is looked for in the recipe's folder, the current one, ../data beside
 * the recipe's folder, data/ beside the folder of the executable, and SHARPSDE_DATADIR/data.
 * A recipe that was moved records the file's SHA-256: the first file that has it is then meant, and
 * one of the same name without its folders will do, beside the recipe, in the current folder or
 * where the run that left the recipe found it (run.json); without such a file, the first of the
 * name. sha256 is NULL where none is recorded. NULL where there is no file: then *why is a phrase
 * that says so, released with sde_free. */
char *data_file_find(const char *recipe, const char *name, const char *sha256, char **why);

/* A name that means the same on another machine: that of an absolute path without its folders,
 * of another without ./ before it. It
 * points into `name`. */
const char *data_file_portable_name(const char *name);

#endif
