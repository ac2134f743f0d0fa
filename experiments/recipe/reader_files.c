/*
 * Reading the names of data files: see reader_files.h.
 */
#include "experiments/recipe/reader_files.h"

#include "experiments/io/sha256.h"
#include "experiments/io/text.h"
#include "experiments/recipe/data_file.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* What a row of files and the row of their checksums are read from, and into. */
struct file_list {
  size_t count, sums; /* files; checksums that the recipe records */
  char **name, **found;
  char (*hex)[SHA256_HEX_SIZE];
  const char *const *recorded; /* [sums] */
};

/* Where a file is that the recipe names, in a folder with a name that can be written down. */
static bool find_file(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                      const struct file_list *list, size_t i, char **found)
{
  const char *sum = i < list->sums ? list->recorded[i] : NULL;
  char *why = NULL;
  *found = data_file_find(reader->file, list->name[i], sum, &why);
  if (*found == NULL)
    sde_fail(reader->status, SDE_INVALID, "%s: %s: %s", yaml_place(node), row->key.name, why);
  else if (text_bad_byte(strlen(*found), *found) != strlen(*found))
    sde_fail(reader->status, SDE_INVALID,
             "%s: %s: the path to %s is no UTF-8 text; accepted are folders with such names",
             yaml_place(node), row->key.name, list->name[i]);
  sde_free(why);
  return reader->status->code == SDE_OK;
}

/* The checksum of a file, which must be the recorded one; `node` is that of the checksums. */
static bool sum_file(struct reader *reader, const struct schema_row *row, struct fy_node *files,
                     struct fy_node *node, struct file_list *list, size_t i)
{
  if (!sha256_of_file(list->found[i], list->hex[i]))
    return sde_fail(reader->status, SDE_INVALID, "%s: %s cannot be read: %s", yaml_place(files),
                    list->found[i], strerror(errno));
  if (list->recorded == NULL ||
      (i < list->sums && strcasecmp(list->recorded[i], list->hex[i]) == 0))
    return true;
  return sde_fail(reader->status, SDE_INVALID,
                  "%s: data file changed: %s has SHA-256 %s; accepted is the file as it was, or "
                  "no %s",
                  yaml_place(node), list->found[i], list->hex[i], row->key.name);
}

/* The names of the files, and the checksums that the recipe records unless the files were named
 * anew on the command line; `read` keeps the latter. */
static bool read_file_names(struct reader *reader, const struct schema_row *row,
                            struct fy_node *files, struct fy_node *sums, struct file_list *list,
                            struct parameters *read)
{
  bool stale = sums != NULL && yaml_is_override(files) && !yaml_is_override(sums);
  void *previous = NULL;
  struct fy_node *item;
  while ((item = reader_next_item(files, &previous)) != NULL) {
    char *name = reader_text(reader, row, item);
    if (name == NULL)
      return false;
    list->name[list->count++] = name;
  }
  if (sums == NULL || stale)
    return true;
  if (!reader_value(reader, row + 1, sums, read))
    return false;
  list->recorded = parameters_texts(read, row[1].key.name, &list->sums);
  return true;
}

/* Files are kept with the place where they are and their checksums; written again, by their names
 * alone, so that a recipe is the same on every machine. */
static void keep_files(const struct schema_row *row, struct fy_node *files,
                       const struct file_list *list, struct parameters *parameters)
{
  const char **sums = sde_alloc(list->count, sizeof *sums);
  const char **names = sde_alloc(list->count, sizeof *names);
  for (size_t i = 0; i < list->count; i++) {
    sums[i] = list->hex[i];
    names[i] = data_file_portable_name(list->name[i]);
  }
  parameters_add_files(parameters, row->key.name, list->count, (const char *const *)list->found,
                       names, yaml_place(files));
  parameters_add_texts(parameters, row[1].key.name, list->count, sums, yaml_place(files));
  sde_free(sums);
  sde_free(names);
}

bool reader_files(struct reader *reader, const struct schema_row *row, struct fy_node *map,
                  struct parameters *parameters)
{
  struct fy_node *files = yaml_get(map, row->key.name), *sums = yaml_get(map, row[1].key.name);
  if (files == NULL)
    return true;
  if (fy_node_is_mapping(files) || (fy_node_is_sequence(files) && !row->key.list))
    return reader_refuse(reader, row, files, NULL);
  if (fy_node_is_sequence(files) && reader_item_count(files) == 0)
    return reader_refuse(reader, row, files, "an empty list");
  size_t most = reader_item_count(files);
  struct parameters *read = parameters_new();
  struct file_list list = {.name = sde_alloc(most, sizeof *list.name),
                           .found = sde_alloc(most, sizeof *list.found),
                           .hex = sde_alloc(most, sizeof *list.hex)};
  bool good = read_file_names(reader, row, files, sums, &list, read);
  for (size_t i = 0; good && i < list.count; i++)
    good = find_file(reader, row, files, &list, i, &list.found[i]) &&
           sum_file(reader, row + 1, files, sums, &list, i);
  if (good)
    keep_files(row, files, &list, parameters);
  for (size_t i = 0; i < most; i++) {
    sde_free(list.name[i]);
    sde_free(list.found[i]);
  }
  sde_free(list.name), sde_free(list.found), sde_free(list.hex);
  parameters_free(read);
  return good;
}
