/*
 * JSON: see json.h.
 */
#include "experiments/io/json.h"

#include "experiments/io/text.h"
#include "sde/ranks.h"
#include "sde/status.h"

json_t *json_text(const char *text)
{
  char *clean = text_utf8(text);
  json_t *value = json_string(clean);
  sde_free(clean);
  if (value == NULL)
    sde_ranks_stop("out of memory");
  return value;
}
