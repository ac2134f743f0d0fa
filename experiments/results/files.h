/*
 * Files of a run: their names, their lists in run.json, and how one is written.
 */
#ifndef EXPERIMENTS_RESULTS_FILES_H
#define EXPERIMENTS_RESULTS_FILES_H

#include "sde/status.h"

#include <jansson.h>

/* May a run leave a file of this name? Tables must be such: files.def. */
bool result_file_is_known(const char *name);

/* Write one file: beside, then renamed. */
bool results_write_file(const char *directory, const char *name, const char *text, size_t length,
                        struct sde_status *status);

/* The run.json in a folder, NULL where there is none or it is broken; released with json_decref. */
json_t *result_run_json(const char *folder);

/* Is this name in the list `files` of a run.json, which may be NULL? */
bool result_run_lists(const json_t *run, const char *name);

#endif
