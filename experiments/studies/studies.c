/*
 * The registry of studies: see studies.h.
 */
#include "experiments/studies/studies.h"

#include <stddef.h>

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
