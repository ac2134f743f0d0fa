/*
 * What a schema accepts, in words: see schema.h.
 */
#include "experiments/io/text.h"
#include "experiments/recipe/schema.h"

#include <string.h>

char *schema_names(const struct schema *schema)
{
  struct text names = {0};
  for (size_t i = 0; i < schema->count; i++)
    text_add(&names, "%s%s", i == 0 ? "" : " ", schema->row[i].key.name);
  return names.data;
}

static void add_range(struct text *text, const struct parameter_key *key)
{
  char low[TEXT_NUMBER_SIZE], high[TEXT_NUMBER_SIZE];
  bool below = key->low > -SCHEMA_UNBOUNDED, above = key->high < SCHEMA_UNBOUNDED;
  text_number(key->low, low);
  text_number(key->high, high);
  if (key->low == key->high) {
    text_add(text, "%s", low);
    return;
  }
  text_add(text, "a %s number", key->type == PARAMETER_COUNT ? "whole" : "finite");
  if (below && key->low_open)
    text_add(text, " above %s", low);
  else if (below)
    text_add(text, above ? " from %s" : " of at least %s", low);
  if (above)
    text_add(text,
             below && key->low_open ? " and at most %s"
             : below                ? " to %s"
                                    : " up to %s",
             high);
}

char *schema_accepts(const struct schema_row *row)
{
  struct text text = {0};
  const struct parameter_key *key = &row->key;
  char *choices = key->choices == NULL ? NULL : text_comma_list(key->choices);
  if (row->section != SCHEMA_VALUE)
    text_add(&text, row->section == SCHEMA_OPTIMIZERS ? "a list of maps"
                    : row->section == SCHEMA_SDE      ? "a map of keys, or a list of maps"
                                                      : "a map of keys");
  else if (key->type == PARAMETER_COUNT || key->type == PARAMETER_REAL)
    add_range(&text, key);
  else if (key->type == PARAMETER_BOOL)
    text_add(&text, "true or false");
  else if (key->type == PARAMETER_CHOICE)
    text_add(&text, "one of %s", choices);
  else if (key->type == PARAMETER_FILE)
    text_add(&text, "the path of a file");
  else if (key->type == PARAMETER_MATRIX)
    text_add(&text, "a square matrix, as a list of lists of numbers");
  else if (key->type == PARAMETER_NAMED)
    text_add(&text, "a map of names to numbers, or a text `name = number`");
  else
    text_add(&text, "a text");
  if (key->list)
    text_add(&text, ", or a list of them");
  sde_free(choices);
  return text.data;
}

char *schema_describe(const struct schema_row *row)
{
  char *accepts = schema_accepts(row), *text;
  bool shown = row->key.fallback != NULL && row->section == SCHEMA_VALUE;
  if (shown)
    text = sde_format("%s; default %s", accepts, row->key.fallback);
  else
    text = sde_format("%s; %s", accepts, row->key.required ? "required" : "optional");
  sde_free(accepts);
  return text;
}
