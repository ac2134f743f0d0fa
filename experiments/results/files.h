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

/* Write a JSON file, in the same way. */
bool result_write_json(const char *directory, const char *name, const json_t *value,
                       struct sde_status *status);

/* The run.json in a folder, NULL where there is none or it is broken; released with json_decref. */
json_t *result_run_json(const char *folder);

/* Add files to the list `files` of a run.json, those that it lacks; whether there were any. */
bool result_run_add(json_t *run, size_t count, char *const *name);

/* Is this name in the list `files` of a run.json, which may be NULL? */
bool result_run_lists(const json_t *run, const char *name);

#endif
