/*
 * The registry of studies: see study.h.
 */
#include "experiments/studies/study.h"

#include <string.h>

#define STUDY(name) extern const struct study_type study_##name;
#include "experiments/studies/studies.def"
#undef STUDY

const struct study_type *const *study_types(void)
{
  static const struct study_type *const all[] = {
#define STUDY(name) &study_##name,
#include "experiments/studies/studies.def"
#undef STUDY
      NULL};
  return all;
}

const struct study_type *study_type_named(const char *name)
{
  for (const struct study_type *const *study = study_types(); *study != NULL; study++)
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
