/*
 * YAML: a recipe file as libfyaml's tree, in which every node knows where it stood, edited by path
 * for `--set`. What the tree may hold is decided here (plain maps, lists and scalars in UTF-8, one
 * document); what its keys mean is not.
 */
#ifndef EXPERIMENTS_IO_YAML_H
#define EXPERIMENTS_IO_YAML_H

#include "sde/status.h"

#include <libfyaml.h>
#include <stdbool.h>
#include <stddef.h>

struct yaml;

/* Read a file or a pipe, for "-" standard input, of at most 1 MiB, whose document is a map; NULL,
 * and the status says why with FILE:LINE. A byte-order mark and any line ends are accepted;
 * anchors, aliases, tags, block texts, several documents and keys that are no plain words are not.
 * Keys given twice are left to the reader. */
struct yaml *yaml_read(const char *file, struct sde_status *status);
void yaml_free(struct yaml *yaml);

struct fy_node *yaml_root(const struct yaml *yaml);

/* The bytes of the file, up to the first zero byte; owned by the tree. */
const char *yaml_text(const struct yaml *yaml);

/* What a file is called in messages. */
const char *yaml_file_label(const char *file);

/* Apply "key.path=value", value being YAML: list items are named by their index from 0, and maps
 * that are not there are made on the way. False, and the status names "--set key.path". */
bool yaml_override(struct yaml *yaml, const char *assignment, struct sde_status *status);

/* Add a key that a map does not have, with a value given as YAML text; its place is "default".
 * The value, owned by the tree. */
struct fy_node *yaml_add_default(struct yaml *yaml, struct fy_node *map, const char *key,
                                 const char *value);

/* Where a node stood: "FILE:LINE", "--set key.path" or "default"; owned by the tree. */
const char *yaml_place(struct fy_node *node);

/* Did it come from the command line? */
bool yaml_is_override(struct fy_node *node);

/* The text of a scalar, owned by the tree; NULL for a map or a list. */
const char *yaml_scalar(struct fy_node *node);

/* A scalar without quotes, which may be a number; and one that is empty or null. */
bool yaml_is_plain(struct fy_node *node);
bool yaml_is_null(struct fy_node *node);

/* The value under a key of a map, or NULL. */
struct fy_node *yaml_get(struct fy_node *map, const char *key);

enum { YAML_FOUND_SIZE = 96 };
/* What a node is, for the user: "a list", "'4.5'", "the quoted text '4.5'", ... */
const char *yaml_found(struct fy_node *node, char buffer[YAML_FOUND_SIZE]);

#endif
