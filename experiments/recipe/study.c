/*
 * Studies as recipes know them: see study.h.
 */
#include "experiments/recipe/study.h"

#include <string.h>

const struct study_type *study_named(const struct study_type *const *studies, const char *name)
{
  for (const struct study_type *const *study = studies; *study != NULL; study++)
    if (strcmp((*study)->name, name) == 0)
      return *study;
  return NULL;
}

bool study_uses(const struct study_type *study, const char *key)
{
  if (strcmp(key, "output") == 0)
    return study->keeps_paths;
  for (const char *const *unused = study->unused; unused != NULL && *unused != NULL; unused++)
    if (strcmp(*unused, key) == 0)
      return false;
  return true;
}

bool study_check(const struct study_type *study, const struct cases *cases,
                 struct sde_status *status)
{
  return study->check == NULL || study->check(cases, status);
}
