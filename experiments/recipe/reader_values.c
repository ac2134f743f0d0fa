/*
 * Reading values of YAML: see reader_values.h.
 */
#include "experiments/recipe/reader_values.h"

#include "experiments/io/text.h"
#include "sde/number.h"

#include <math.h>
#include <string.h>

bool reader_refuse(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                   const char *found)
{
  char buffer[YAML_FOUND_SIZE], *accepted = schema_accepts(row);
  sde_fail(reader->status, SDE_INVALID, "%s: %s is %s; accepted is %s%s%s", yaml_place(node),
           row->key.name, found != NULL ? found : yaml_found(node, buffer), accepted,
           row->page == NULL ? "" : "; what is supported and what is not: ",
           row->page == NULL ? "" : row->page);
  sde_free(accepted);
  return false;
}

struct fy_node *reader_next_item(struct fy_node *node, void **previous)
{
  if (fy_node_is_sequence(node))
    return fy_node_sequence_iterate(node, previous);
  struct fy_node *item = *previous == NULL ? node : NULL;
  *previous = node;
  return item;
}

size_t reader_item_count(struct fy_node *node)
{
  return fy_node_is_sequence(node) ? (size_t)fy_node_sequence_item_count(node) : 1;
}

static bool in_range(const struct parameter_key *key, double number)
{
  return (key->low_open ? number > key->low : number >= key->low) && number <= key->high;
}

/* One number, or truth value, of the row's type. */
static bool read_number(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                        double *number)
{
  const char *text = yaml_is_plain(node) && !yaml_is_null(node) ? yaml_scalar(node) : NULL;
  if (text != NULL && row->key.type == PARAMETER_BOOL) {
    *number = strcmp(text, "true") == 0;
    return *number == 1 || strcmp(text, "false") == 0 || reader_refuse(reader, row, node, NULL);
  }
  bool whole = row->key.type == PARAMETER_COUNT;
  if (text != NULL && sde_number_read(strlen(text), text, number) && in_range(&row->key, *number) &&
      (!whole || *number == floor(*number)))
    return true;
  return reader_refuse(reader, row, node, NULL);
}

/* The sentence that refuses a choice names the nearest one. */
static bool refuse_choice(struct reader *reader, const struct schema_row *row, struct fy_node *node)
{
  char buffer[YAML_FOUND_SIZE], *nearest = text_nearest(yaml_scalar(node), row->key.choices);
  char *found =
      nearest == NULL ? NULL : sde_format("%s, nearest is '%s'", yaml_found(node, buffer), nearest);
  reader_refuse(reader, row, node, found);
  sde_free(nearest);
  sde_free(found);
  return false;
}

char *reader_text(struct reader *reader, const struct schema_row *row, struct fy_node *node)
{
  const struct parameter_key *key = &row->key;
  const char *text = yaml_is_null(node) ? NULL : yaml_scalar(node);
  if (text == NULL)
    reader_refuse(reader, row, node, NULL);
  else if (key->type != PARAMETER_CHOICE || text_is_one_of(text, key->choices))
    return sde_strdup(text);
  else
    refuse_choice(reader, row, node);
  return NULL;
}

static bool read_numbers(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                         struct parameters *parameters)
{
  size_t count = 0;
  void *previous = NULL;
  struct fy_node *item;
  double *values = sde_alloc(reader_item_count(node), sizeof *values);
  bool good = true;
  while (good && (item = reader_next_item(node, &previous)) != NULL)
    good = read_number(reader, row, item, &values[count++]);
  if (good)
    parameters_add_numbers(parameters, row->key.name, count, values, yaml_place(node));
  sde_free(values);
  return good;
}

/* The texts become the value, where all were good; they are released. */
static bool keep_texts(bool good, const struct schema_row *row, struct fy_node *node, size_t count,
                       char **values, struct parameters *parameters)
{
  if (good)
    parameters_add_texts(parameters, row->key.name, count, (const char *const *)values,
                         yaml_place(node));
  for (size_t i = 0; i < count; i++)
    sde_free(values[i]);
  sde_free(values);
  return good;
}

static bool read_texts(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                       struct parameters *parameters)
{
  size_t count = 0;
  void *previous = NULL;
  struct fy_node *item;
  char **values = sde_alloc(reader_item_count(node), sizeof *values);
  bool good = true;
  while (good && (item = reader_next_item(node, &previous)) != NULL) {
    values[count] = reader_text(reader, row, item);
    good = values[count] != NULL;
    count += good;
  }
  return keep_texts(good, row, node, count, values, parameters);
}

/* "1", or "1, 2": a number or a list of them; NULL where it is something else. */
static char *named_numbers(struct reader *reader, const struct schema_row *row,
                           struct fy_node *node)
{
  struct text text = {0};
  void *previous = NULL;
  struct fy_node *item;
  double number;
  while ((item = reader_next_item(node, &previous)) != NULL) {
    const char *scalar = yaml_is_plain(item) ? yaml_scalar(item) : NULL;
    if (scalar == NULL || !sde_number_read(strlen(scalar), scalar, &number)) {
      reader_refuse(reader, row, item, NULL);
      sde_free(text.data);
      return NULL;
    }
    text_add(&text, "%s%s", text.length == 0 ? "" : ", ", scalar);
  }
  if (text.data == NULL)
    reader_refuse(reader, row, node, "an empty list");
  return text.data;
}

/* A map of names to numbers, as texts "name = 1, 2". */
static bool read_named(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                       struct parameters *parameters)
{
  size_t room = (size_t)fy_node_mapping_item_count(node), count = 0;
  char **values = sde_alloc(room + 1, sizeof *values);
  struct fy_node_pair *pair;
  void *previous = NULL;
  bool good = room > 0 || reader_refuse(reader, row, node, "an empty map");
  while (good && (pair = fy_node_mapping_iterate(node, &previous)) != NULL) {
    const char *name = yaml_scalar(fy_node_pair_key(pair));
    char *numbers = name == NULL ? NULL : named_numbers(reader, row, fy_node_pair_value(pair));
    good = numbers != NULL || (name == NULL && reader_refuse(reader, row, node, "without a name"));
    if (good)
      values[count++] = sde_format("%s = %s", name, numbers);
    sde_free(numbers);
  }
  return keep_texts(good, row, node, count, values, parameters);
}

static bool check_square(struct reader *reader, const struct schema_row *row, struct fy_node *node)
{
  size_t rows = reader_item_count(node);
  void *previous = NULL;
  struct fy_node *item = NULL;
  if (!fy_node_is_sequence(node))
    return reader_refuse(reader, row, node, NULL);
  while ((item = fy_node_sequence_iterate(node, &previous)) != NULL)
    if (!fy_node_is_sequence(item) || reader_item_count(item) != rows) {
      char *found =
          sde_format("not square, with %zu rows and one of %zu", rows, reader_item_count(item));
      reader_refuse(reader, row, item, found);
      sde_free(found);
      return false;
    }
  return true;
}

static bool read_matrix(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                        struct parameters *parameters)
{
  if (!check_square(reader, row, node))
    return false;
  size_t rows = reader_item_count(node), count = 0;
  double *values = sde_alloc(rows * rows, sizeof *values);
  void *previous = NULL, *inner;
  struct fy_node *line, *item;
  bool good = true;
  while (good && (line = fy_node_sequence_iterate(node, &previous)) != NULL)
    for (inner = NULL; good && (item = fy_node_sequence_iterate(line, &inner)) != NULL;)
      good = read_number(reader, row, item, &values[count++]);
  if (good)
    parameters_add_matrix(parameters, row->key.name, rows, rows, values, yaml_place(node));
  sde_free(values);
  return good;
}

bool reader_value(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                  struct parameters *parameters)
{
  const struct parameter_key *key = &row->key;
  if (fy_node_is_sequence(node) && reader_item_count(node) == 0)
    return reader_refuse(reader, row, node, "an empty list");
  if (key->type == PARAMETER_MATRIX)
    return read_matrix(reader, row, node, parameters);
  if (key->type == PARAMETER_NAMED && fy_node_is_mapping(node))
    return read_named(reader, row, node, parameters);
  if (fy_node_is_mapping(node) || (fy_node_is_sequence(node) && !key->list))
    return reader_refuse(reader, row, node, NULL);
  if (key->type == PARAMETER_COUNT || key->type == PARAMETER_REAL || key->type == PARAMETER_BOOL)
    return read_numbers(reader, row, node, parameters);
  return read_texts(reader, row, node, parameters);
}
