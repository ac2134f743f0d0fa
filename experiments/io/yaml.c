/*
 * YAML by libfyaml: see yaml.h.
 */
#include "experiments/io/yaml.h"

#include "experiments/io/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The size of a file; and the depth of a key path, as deep as libfyaml lets a file nest. */
enum { FILE_SIZE_MAX = 1 << 20, DEPTH_MAX = 64 };

struct yaml {
  char *text; /* of the file */
  struct fy_document *document;
};

/* Kept with every node. */
struct place {
  bool override;
  char label[];
};

/* Where YAML text comes from: a file, whose lines count, or one place. */
struct source {
  const char *file;
  const char *place; /* instead of file and line; else NULL */
  bool override;
};

static void free_place(struct fy_node *node, void *place, void *user)
{
  (void)node;
  (void)user;
  sde_free(place);
}

static void set_place(struct fy_node *node, const struct source *source, int line)
{
  char *label =
      source->place == NULL ? sde_format("%s:%d", source->file, line) : sde_strdup(source->place);
  size_t size = strlen(label) + 1;
  struct place *place = sde_alloc(sizeof *place + size, 1);
  place->override = source->override;
  memcpy(place->label, label, size);
  sde_free(label);
  fy_node_set_meta(node, place);
}

static bool fail_at(const struct source *source, int line, struct sde_status *status,
                    const char *what)
{
  if (source->place != NULL)
    return sde_fail(status, SDE_INVALID, "%s: %s", source->place, what);
  return sde_fail(status, SDE_INVALID, "%s:%d: %s", source->file, line, what);
}

/* No control characters, no broken UTF-8: libfyaml passes over some of both. */
static bool check_bytes(const struct source *source, size_t length, const char *text,
                        struct sde_status *status)
{
  size_t bad = text_bad_byte(length, text);
  if (bad == length)
    return true;
  int line = 1;
  for (size_t i = 0; i < bad; i++)
    line += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
  char what[80];
  snprintf(what, sizeof what, "byte 0x%02x is no part of a text; accepted is UTF-8 text",
           (unsigned)(unsigned char)text[bad]);
  return fail_at(source, line, status, what);
}

static bool report_parser(const struct source *source, struct fy_diag *diag,
                          struct sde_status *status)
{
  void *previous = NULL;
  const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &previous);
  if (error == NULL)
    return fail_at(source, 1, status, "this is not YAML; accepted is a YAML map");
  char *what = sde_format("%s; accepted is YAML", error->msg);
  fail_at(source, error->line, status, what);
  sde_free(what);
  return false;
}

static int document_line(struct fy_document *document)
{
  const struct fy_mark *mark =
      fy_document_state_start_mark(fy_document_get_document_state(document));
  return mark == NULL ? 1 : mark->line + 1;
}

/* The one document of a text; NULL, and the status says why. */
static struct fy_document *parse_with(struct fy_parser *parser, struct fy_diag *diag,
                                      const struct source *source, struct sde_status *status)
{
  struct fy_document *document = fy_parse_load_document(parser);
  struct fy_document *second = document == NULL ? NULL : fy_parse_load_document(parser);
  if (fy_parser_get_stream_error(parser))
    report_parser(source, diag, status);
  else if (document == NULL || fy_document_root(document) == NULL)
    fail_at(source, 1, status,
            source->place != NULL ? "there is no value; accepted is key.path=value"
                                  : "the recipe is empty; accepted is a map of keys");
  else if (second != NULL)
    fail_at(source, document_line(second), status,
            "a second document starts here; accepted is one document");
  fy_document_destroy(second);
  if (status->code == SDE_OK)
    return document;
  fy_document_destroy(document);
  return NULL;
}

static struct fy_document *parse(const struct source *source, size_t length, const char *text,
                                 struct sde_status *status)
{
  if (!check_bytes(source, length, text, status))
    return NULL;
  struct fy_diag_cfg diag_config;
  fy_diag_cfg_default(&diag_config);
  diag_config.fp = NULL;
  struct fy_diag *diag = fy_diag_create(&diag_config);
  fy_diag_set_collect_errors(diag, true);
  /* libfyaml's own search for duplicate keys takes minutes for a file of short keys. */
  struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE |
                                         FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_DISABLE_ACCELERATORS,
                                .diag = diag};
  struct fy_parser *parser = fy_parser_create(&config);
  char *copy = sde_alloc(length + 1, 1);
  memcpy(copy, text, length);
  fy_parser_set_malloc_string(parser, copy, length); /* nodes refer to it, and free it */
  struct fy_document *document = parse_with(parser, diag, source, status);
  fy_parser_destroy(parser);
  fy_diag_destroy(diag);
  return document;
}

/* The line where the first word of a node stands. */
static int line_of(struct fy_node *node, int otherwise)
{
  if (node == NULL)
    return otherwise;
  if (fy_node_is_mapping(node)) {
    struct fy_node_pair *first = fy_node_mapping_get_by_index(node, 0);
    return first == NULL ? otherwise : line_of(fy_node_pair_key(first), otherwise);
  }
  if (fy_node_is_sequence(node))
    return line_of(fy_node_sequence_get_by_index(node, 0), otherwise);
  struct fy_token *token = fy_node_get_scalar_token(node);
  const struct fy_mark *mark = token == NULL ? NULL : fy_token_start_mark(token);
  return mark == NULL ? otherwise : mark->line + 1;
}

static bool settle(struct fy_node *node, const struct source *source, int line,
                   struct sde_status *status);

static bool settle_pair(struct fy_node_pair *pair, const struct source *source, int line,
                        struct sde_status *status)
{
  struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
  line = line_of(key, line_of(value, line));
  if (key == NULL || yaml_is_null(key) || !fy_node_is_scalar(key))
    return fail_at(source, line, status, "a key is no plain word; accepted is 'key: value'");
  if (value == NULL)
    return fail_at(source, line, status, "a key has no value; accepted is 'key: value'");
  return settle(key, source, line, status) && settle(value, source, line, status);
}

static bool settle_children(struct fy_node *node, const struct source *source, int line,
                            struct sde_status *status)
{
  void *previous = NULL;
  struct fy_node_pair *pair;
  struct fy_node *item;
  if (fy_node_is_mapping(node)) {
    while ((pair = fy_node_mapping_iterate(node, &previous)) != NULL)
      if (!settle_pair(pair, source, line, status))
        return false;
  } else {
    while ((item = fy_node_sequence_iterate(node, &previous)) != NULL)
      if (!settle(item, source, line_of(item, line), status))
        return false;
  }
  return true;
}

/* Check a tree and give every node its place: values that of their key, items their own. */
static bool settle(struct fy_node *node, const struct source *source, int line,
                   struct sde_status *status)
{
  set_place(node, source, line);
  if (fy_node_is_alias(node) || fy_node_get_anchor(node) != NULL)
    return fail_at(source, line, status,
                   "anchors (&name) and aliases (*name) are not used here; write the value out");
  if (fy_node_get_tag_token(node) != NULL)
    return fail_at(source, line, status, "tags (!name) are not used here; leave it out");
  if (!fy_node_is_scalar(node))
    return settle_children(node, source, line, status);
  /* libfyaml 0.7 takes the text of an empty one from memory that was never set. */
  if (fy_node_get_style(node) == FYNS_LITERAL || fy_node_get_style(node) == FYNS_FOLDED)
    return fail_at(source, line, status,
                   "block texts (| and >) are not used here; write the text in quotes");
  size_t length;
  const char *text = fy_node_get_scalar(node, &length);
  if (text != NULL && text_bad_byte(length, text) != length)
    return fail_at(source, line, status,
                   "a text holds a control character; accepted are visible characters");
  return true;
}

/* A regular file, a pipe or a terminal; standard input is one of them. */
static FILE *open_file(const char *file, struct sde_status *status)
{
  struct stat about;
  if (strcmp(file, "-") == 0)
    return stdin;
  if (stat(file, &about) != 0) {
    sde_fail(status, SDE_INVALID, "%s: %s; accepted is a recipe file", file,
             errno == ENOENT ? "there is no such file" : strerror(errno));
    return NULL;
  }
  if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode) && !S_ISCHR(about.st_mode)) {
    sde_fail(status, SDE_INVALID, "%s: this is %s; accepted is a regular file or a pipe", file,
             S_ISDIR(about.st_mode) ? "a directory" : "neither file nor pipe");
    return NULL;
  }
  FILE *stream = fopen(file, "rb");
  if (stream == NULL)
    sde_fail(status, SDE_INVALID, "%s: cannot be opened: %s; accepted is a readable file", file,
             strerror(errno));
  return stream;
}

static bool read_file(const char *file, size_t *length, char *text, struct sde_status *status)
{
  FILE *stream = open_file(file, status);
  if (stream == NULL)
    return false;
  *length = fread(text, 1, FILE_SIZE_MAX + 1, stream);
  bool good = ferror(stream) == 0;
  if (stream != stdin)
    fclose(stream);
  if (!good)
    return sde_fail(status, SDE_INVALID, "%s: cannot be read; accepted is a readable file",
                    yaml_file_label(file));
  if (*length > FILE_SIZE_MAX)
    return sde_fail(status, SDE_INVALID, "%s: more than %d bytes; accepted is a smaller recipe",
                    yaml_file_label(file), FILE_SIZE_MAX);
  text[*length] = '\0';
  return true;
}

const char *yaml_file_label(const char *file)
{
  return strcmp(file, "-") == 0 ? "standard input" : file;
}

struct yaml *yaml_read(const char *file, struct sde_status *status)
{
  size_t length = 0;
  char *text = sde_alloc(FILE_SIZE_MAX + 2, 1);
  struct source source = {.file = yaml_file_label(file)};
  struct fy_document *document = NULL;
  if (read_file(file, &length, text, status))
    document = parse(&source, length, text, status);
  struct yaml *yaml = document == NULL ? NULL : sde_alloc(1, sizeof *yaml);
  if (yaml != NULL)
    *yaml = (struct yaml){sde_strdup(text), document};
  sde_free(text);
  if (yaml == NULL)
    return NULL;
  fy_document_register_meta(document, free_place, NULL);
  struct fy_node *root = yaml_root(yaml);
  char found[YAML_FOUND_SIZE];
  if (yaml_is_null(root))
    fail_at(&source, 1, status, "the recipe is empty; accepted is a map of keys");
  else if (settle(root, &source, 1, status) && !fy_node_is_mapping(root))
    sde_fail(status, SDE_INVALID, "%s:1: the recipe is %s; accepted is a map of keys", source.file,
             yaml_found(root, found));
  if (status->code == SDE_OK)
    return yaml;
  yaml_free(yaml);
  return NULL;
}

const char *yaml_text(const struct yaml *yaml)
{
  return yaml->text;
}

void yaml_free(struct yaml *yaml)
{
  if (yaml == NULL)
    return;
  fy_document_destroy(yaml->document);
  sde_free(yaml->text);
  sde_free(yaml);
}

struct fy_node *yaml_root(const struct yaml *yaml)
{
  return fy_document_root(yaml->document);
}

/* A new node of the tree, not yet attached, from YAML text; NULL, and the status says why. */
static struct fy_node *graft(struct yaml *yaml, const struct source *source, const char *text,
                             struct sde_status *status)
{
  struct fy_document *document = parse(source, strlen(text), text, status);
  if (document == NULL)
    return NULL;
  struct fy_node *node = fy_node_copy(yaml->document, fy_document_root(document));
  fy_document_destroy(document);
  if (settle(node, source, 1, status))
    return node;
  fy_node_free(node);
  return NULL;
}

static void append(struct yaml *yaml, struct fy_node *map, size_t length, const char *key,
                   struct fy_node *value, const struct source *source)
{
  struct fy_node *name = fy_node_create_scalar_copy(yaml->document, key, length);
  set_place(name, source, 1);
  fy_node_mapping_append(map, name, value);
}

struct fy_node *yaml_add_default(struct yaml *yaml, struct fy_node *map, const char *key,
                                 const char *value)
{
  struct sde_status status = {0};
  struct source source = {.place = "default"};
  struct fy_node *node = graft(yaml, &source, value, &status);
  if (node == NULL) {
    fprintf(stderr, "sharpsde: internal error: default of '%s': %s\n", key, status.message);
    abort();
  }
  append(yaml, map, strlen(key), key, node, &source);
  return node;
}

static struct fy_node_pair *find_pair(struct fy_node *map, size_t length, const char *key)
{
  void *previous = NULL;
  struct fy_node_pair *pair;
  while ((pair = fy_node_mapping_iterate(map, &previous)) != NULL) {
    const char *text = yaml_scalar(fy_node_pair_key(pair));
    if (strlen(text) == length && memcmp(text, key, length) == 0)
      break;
  }
  return pair;
}

/* One component of a key path: the item of a list, or NULL, and the status says why. */
static struct fy_node *find_item(struct fy_node *list, const char *key, const struct source *source,
                                 struct sde_status *status)
{
  int count = fy_node_sequence_item_count(list);
  size_t length = strcspn(key, ".=");
  bool number = length > 0 && length <= 9 && strspn(key, "0123456789") >= length;
  unsigned long index = number ? strtoul(key, NULL, 10) : (unsigned long)count;
  if (index < (unsigned long)count)
    return fy_node_sequence_get_by_index(list, (int)index);
  char *what = count == 0 ? sde_format("this list is empty; accepted is a new value for all of it")
                          : sde_format("'%.*s' is no item of this list; accepted is 0 to %d",
                                       (int)length, key, count - 1);
  fail_at(source, 1, status, what);
  sde_free(what);
  return NULL;
}

static bool refuse_step(struct fy_node *node, const char *key, const struct source *source,
                        struct sde_status *status)
{
  char found[YAML_FOUND_SIZE];
  char *what = sde_format("%s has no '%.*s' below it; accepted is a new value for all of it",
                          yaml_found(node, found), (int)strcspn(key, ".="), key);
  fail_at(source, 1, status, what);
  sde_free(what);
  return false;
}

/* Put a value where the last component of a path leads. Takes the value. */
static bool put(struct yaml *yaml, struct fy_node *node, const char *key, struct fy_node *value,
                const struct source *source, struct sde_status *status)
{
  size_t length = strcspn(key, "=");
  if (fy_node_is_mapping(node)) {
    struct fy_node_pair *pair = find_pair(node, length, key);
    if (pair != NULL)
      fy_node_pair_set_value(pair, value);
    else
      append(yaml, node, length, key, value, source);
    return true;
  }
  struct fy_node *old = NULL;
  if (fy_node_is_sequence(node))
    old = find_item(node, key, source, status);
  else
    refuse_step(node, key, source, status);
  if (old == NULL) {
    fy_node_free(value);
    return false;
  }
  fy_node_sequence_insert_after(node, old, value);
  fy_node_free(fy_node_sequence_remove(node, old));
  return true;
}

/* Where one component of a path leads, a new map where a map has no such key; or NULL, and the
 * status says why. */
static struct fy_node *step(struct yaml *yaml, struct fy_node *node, const char *key,
                            const struct source *source, struct sde_status *status)
{
  size_t length = strcspn(key, ".");
  if (fy_node_is_sequence(node))
    return find_item(node, key, source, status);
  if (!fy_node_is_mapping(node)) {
    refuse_step(node, key, source, status);
    return NULL;
  }
  struct fy_node_pair *pair = find_pair(node, length, key);
  if (pair != NULL)
    return fy_node_pair_value(pair);
  struct fy_node *map = fy_node_create_mapping(yaml->document);
  set_place(map, source, 1);
  append(yaml, node, length, key, map, source);
  return map;
}

/* No deeper than a file may nest. */
static bool check_depth(const struct source *source, const char *assignment,
                        struct sde_status *status)
{
  size_t depth = 1;
  for (const char *at = assignment; *at != '\0' && *at != '='; at++)
    depth += *at == '.';
  if (depth <= DEPTH_MAX)
    return true;
  char *what = sde_format("a path of %zu keys; accepted are at most %d", depth, DEPTH_MAX);
  fail_at(source, 1, status, what);
  sde_free(what);
  return false;
}

bool yaml_override(struct yaml *yaml, const char *assignment, struct sde_status *status)
{
  enum { SHOWN = 200 };
  size_t length = strcspn(assignment, "=");
  bool has_value = assignment[length] == '=', cut = length > SHOWN;
  char *place = sde_format("--set %.*s%s", cut ? SHOWN : (int)length, assignment, cut ? "..." : "");
  struct source source = {.place = place, .override = true};
  struct fy_node *node = yaml_root(yaml), *value = NULL;
  bool good =
      has_value || fail_at(&source, 1, status, "there is no value; accepted is key.path=value");
  good = good && check_bytes(&source, length, assignment, status) &&
         check_depth(&source, assignment, status);
  const char *key = assignment;
  while (good && strcspn(key, ".") < strcspn(key, "=")) {
    node = step(yaml, node, key, &source, status);
    good = node != NULL;
    key += strcspn(key, ".") + 1;
  }
  value = good ? graft(yaml, &source, assignment + length + 1, status) : NULL;
  good = value != NULL && put(yaml, node, key, value, &source, status);
  sde_free(place);
  return good;
}

const char *yaml_place(struct fy_node *node)
{
  const struct place *place = fy_node_get_meta(node);
  return place->label;
}

bool yaml_is_override(struct fy_node *node)
{
  const struct place *place = fy_node_get_meta(node);
  return place->override;
}

const char *yaml_scalar(struct fy_node *node)
{
  return fy_node_is_scalar(node) ? fy_node_get_scalar0(node) : NULL;
}

bool yaml_is_plain(struct fy_node *node)
{
  return fy_node_is_scalar(node) && fy_node_get_style(node) == FYNS_PLAIN;
}

bool yaml_is_null(struct fy_node *node)
{
  return fy_node_is_null(node) ||
         (yaml_is_plain(node) && text_is_one_of(yaml_scalar(node), "~ null Null NULL"));
}

struct fy_node *yaml_get(struct fy_node *map, const char *key)
{
  struct fy_node_pair *pair = find_pair(map, strlen(key), key);
  return pair == NULL ? NULL : fy_node_pair_value(pair);
}

const char *yaml_found(struct fy_node *node, char buffer[YAML_FOUND_SIZE])
{
  enum { SHOWN = 48 };
  const char *text = yaml_scalar(node);
  if (yaml_is_null(node))
    return "empty";
  if (text == NULL)
    return fy_node_is_mapping(node) ? "a map" : "a list";
  size_t length = strlen(text);
  bool cut = length > SHOWN;
  for (length = cut ? SHOWN : length; cut && (text[length] & 0xc0) == 0x80;)
    length--; /* not inside a character */
  snprintf(buffer, YAML_FOUND_SIZE, "%s'%.*s%s'", yaml_is_plain(node) ? "" : "the quoted text ",
           (int)length, text, cut ? "..." : "");
  for (char *at = buffer; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20)
      *at = ' ';
  return buffer;
}
