/*
 * The file of single paths, paths.nc: what `output: {paths: N}` keeps, as netCDF-4. docs/results.md
 * describes it.
 */
#ifndef EXPERIMENTS_RESULTS_PATH_FILE_H
#define EXPERIMENTS_RESULTS_PATH_FILE_H

#include "experiments/cases/case_result.h"
#include "sde/status.h"

struct path_file;

/* Paths of a case that the recipe keeps: at most all; 0 where it asks for none. */
uint64_t path_file_paths(const struct run_case *one, const struct recipe *recipe);

/* Add a case: the first path_file_paths of the sample paths of a result, of its iterates and each
 * SDE. Nothing where there are none. */
void path_file_add(struct path_file *file, const struct case_result *result);

/* The file itself, gathered in memory. */
struct path_file *path_file_new(const struct recipe *recipe);
void path_file_free(struct path_file *file);

/* Write it to the directory as paths.nc, whole or not at all; once. */
bool path_file_write(struct path_file *file, const char *directory, struct sde_status *status);

#endif
