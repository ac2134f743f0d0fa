/*
 * The registry of studies.
 *
 * To add one: write experiments/studies/study_NAME.c that ends with its `const struct study_type`
 * (experiments/recipe/study.h), and give it a row in studies.def.
 */
#ifndef EXPERIMENTS_STUDIES_STUDIES_H
#define EXPERIMENTS_STUDIES_STUDIES_H

#include "experiments/recipe/study.h"

/* All studies, ended by NULL. */
const struct study_type *const *study_types(void);

#endif
