/*
 * Pictures in a report: see report_svg.h. gnuplot writes plain, well-formed svg; this reads tags
 * and attributes of it and copies them one by one, so that nothing passes that was not looked at.
 */
#include "experiments/report/report_svg.h"

#include "experiments/report/report_html.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* What may stand in a picture, in lower case, as HTML has the names; the text of `title` and
 * `desc`, which name gnuplot, is dropped. Attributes that are not here are dropped too, but for
 * those that would run or load something, with which the picture is refused. */
static const char drawing[] = "svg g defs path rect circle ellipse line polyline polygon use text "
                              "tspan clippath mask pattern lineargradient radialgradient stop "
                              "filter feflood fecomposite";
static const char dropped[] = "title desc";
static const char attributes[] =
    "class clip-path clip-rule clippathunits color cx cy d display dominant-baseline dx dy fill "
    "fill-opacity fill-rule filter filterunits flood-color flood-opacity font-family font-size "
    "font-stretch font-style font-variant font-weight fx fy gradienttransform gradientunits height "
    "in in2 letter-spacing mask maskunits offset opacity operator patterncontentunits "
    "patterntransform patternunits points preserveaspectratio r result rotate rx ry "
    "shape-rendering spreadmethod stop-color stop-opacity stroke stroke-dasharray "
    "stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity "
    "stroke-width text-anchor text-decoration text-rendering textlength transform version viewbox "
    "visibility width word-spacing x x1 x2 y y1 y2";

/* What may stand before a parenthesis in the value of an attribute: transformations, colours and
 * links, which are looked at further. */
static const char functions[] = "translate rotate scale matrix skewx skewy rgb rgba hsl hsla url";

struct reader {
  const char *at, *source, *prefix, *label, *file;
  bool in_root; /* the root has been opened */
  struct sde_status *status;
};

static bool refuse(const struct reader *reader, const char *what, size_t length, const char *name)
{
  return sde_fail(reader->status, SDE_INVALID, "%s: %s `%.*s`; accepted are pictures of gnuplot's",
                  reader->file, what, (int)length, name);
}

static size_t name_length(const char *text)
{
  size_t length = 0;
  while (isalnum((unsigned char)text[length]) || strchr(":-_", text[length]) != NULL) {
    if (text[length] == '\0')
      break;
    length++;
  }
  return length;
}

/* As HTML has names, capitals are small letters. */
static bool is(const char *text, size_t length, const char *word)
{
  return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

static bool is_among(const char *text, size_t length, const char *words)
{
  char word[32];
  if (length == 0 || length >= sizeof word)
    return false;
  for (size_t i = 0; i < length; i++)
    word[i] = (char)tolower((unsigned char)text[i]);
  word[length] = '\0';
  return text_is_one_of(word, words);
}

/* Does the picture refer to this id, and is it the first element that has it? */
static bool is_used(const struct reader *reader, const char *id, size_t length)
{
  char *link = sde_format("#%.*s", (int)length, id);
  bool used = false;
  for (const char *at = reader->source; !used && (at = strstr(at, link)) != NULL; at++) {
    char end = at[strlen(link)];
    used = end == '\'' || end == '"' || end == ')';
  }
  for (int quote = 0; used && quote < 2; quote++) {
    char *first = sde_format("id=%c%.*s%c", "'\""[quote], (int)length, id, "'\""[quote]);
    const char *place = strstr(reader->source, first);
    used = place == NULL || place + 4 >= id;
    sde_free(first);
  }
  sde_free(link);
  return used;
}

/* The value of an attribute, ids behind # with the prefix, in double quotes. */
static void add_value(struct text *page, const struct reader *reader, const char *value,
                      size_t length)
{
  size_t plain = 0;
  for (size_t i = 0; i < length; i++) {
    bool quote = value[i] == '"', link = i > 0 && value[i - 1] == '(' && value[i] == '#';
    if (!quote && !link)
      continue;
    text_add(page, "%.*s%s%s", (int)(i - plain), value + plain, quote ? "&quot;" : "#",
             quote ? "" : reader->prefix);
    plain = i + 1;
  }
  text_add(page, "%.*s", (int)(length - plain), value + plain);
}

/* Values are read as CSS after entities: neither entities nor escapes hide anything in them, and
 * nothing is called but what is known. Links lead into the picture. */
static bool is_plain(const char *value, size_t size)
{
  size_t word = 0; /* letters right before */
  for (size_t i = 0; i < size; i++) {
    if (value[i] == '&' || value[i] == '\\')
      return false;
    if (value[i] == '(' && !is_among(value + i - word, word, functions))
      return false;
    if (value[i] == '(' && is(value + i - word, word, "url") &&
        (i + 1 == size || value[i + 1] != '#'))
      return false;
    bool letter = isalnum((unsigned char)value[i]) || value[i] == '-' || value[i] == '_';
    word = letter ? word + 1 : 0;
  }
  return true;
}

static bool add_link(struct text *page, const struct reader *reader, const char *value, size_t size)
{
  if (size < 2 || value[0] != '#' || name_length(value + 1) != size - 1)
    return refuse(reader, "it links to", size, value);
  text_add(page, " href=\"#%s%.*s\"", reader->prefix, (int)size - 1, value + 1);
  return true;
}

static bool add_id(struct text *page, const struct reader *reader, const char *value, size_t size)
{
  if (name_length(value) != size)
    return refuse(reader, "an id is broken:", size, value);
  if (is_used(reader, value, size))
    text_add(page, " id=\"%s%.*s\"", reader->prefix, (int)size, value);
  return true;
}

static bool add_attribute(struct text *page, const struct reader *reader, const char *name,
                          size_t name_size, const char *value, size_t size, bool root)
{
  if (strncasecmp(name, "on", 2) == 0 || is(name, name_size, "style"))
    return refuse(reader, "it holds the attribute", name_size, name);
  if (is(name, name_size, "href") || is(name, name_size, "xlink:href"))
    return add_link(page, reader, value, size);
  if (is(name, name_size, "id"))
    return add_id(page, reader, value, size);
  if (!is_among(name, name_size, attributes) ||
      (root && (is(name, name_size, "width") || is(name, name_size, "height"))))
    return true;
  if (!is_plain(value, size))
    return refuse(reader, "it links to, or calls", size, value);
  text_add(page, " %.*s=\"", (int)name_size, name);
  add_value(page, reader, value, size);
  text_add(page, "\"");
  return true;
}

/* The attributes of a tag, whose name has been read, to its > or />. */
static bool add_attributes(struct text *page, struct reader *reader, bool root)
{
  for (;;) {
    reader->at += strspn(reader->at, " \t\r\n");
    size_t closes = strncmp(reader->at, "/>", 2) == 0 ? 2 : *reader->at == '>';
    if (closes > 0) {
      text_add(page, "%.*s", (int)closes, reader->at);
      reader->at += closes;
      return true;
    }
    const char *name = reader->at;
    size_t size = name_length(name);
    const char *equals = name + size + strspn(name + size, " \t\r\n");
    const char *open = equals + (*equals == '=');
    open += strspn(open, " \t\r\n");
    const char *close = *open == '"' || *open == '\'' ? strchr(open + 1, *open) : NULL;
    if (size == 0 || *equals != '=' || close == NULL)
      return refuse(reader, "a tag is broken near", strnlen(name, 20), name);
    if (!add_attribute(page, reader, name, size, open + 1, (size_t)(close - open - 1), root))
      return false;
    reader->at = close + 1;
  }
}

/* Go behind `end`. */
static bool skip_to(struct reader *reader, const char *end)
{
  const char *found = strstr(reader->at, end);
  if (found == NULL)
    return refuse(reader, "it ends before", strlen(end), end);
  reader->at = found + strlen(end);
  return true;
}

static bool skip_element(struct reader *reader, const char *name, size_t size)
{
  char *end = sde_format("</%.*s>", (int)size, name);
  bool good = skip_to(reader, end);
  sde_free(end);
  return good;
}

/* One tag, the reader standing at its <. */
static bool add_tag(struct text *page, struct reader *reader)
{
  if (strncmp(reader->at, "<!--", 4) == 0)
    return skip_to(reader, "-->");
  if (strncmp(reader->at, "<?", 2) == 0)
    return skip_to(reader, "?>");
  if (strncmp(reader->at, "<!DOCTYPE", 9) == 0)
    return skip_to(reader, ">");
  bool closes = reader->at[1] == '/';
  const char *name = reader->at + 1 + closes;
  size_t size = name_length(name);
  if (!closes && is_among(name, size, dropped))
    return skip_element(reader, name, size);
  if (!is_among(name, size, drawing))
    return refuse(reader, "it holds the element", size, name);
  bool root = !reader->in_root;
  if (root && !is(name, size, "svg"))
    return refuse(reader, "it begins with", size, name);
  reader->in_root = true;
  text_add(page, "<%s%.*s", closes ? "/" : "", (int)size, name);
  if (root) {
    text_add(page, " role=\"img\" aria-label=\"");
    html_text(page, reader->label);
    text_add(page, "\"");
  }
  reader->at = name + size;
  return add_attributes(page, reader, root);
}

/* Letters between tags: none outside of the root, and no empty lines. */
static void add_letters(struct text *page, struct reader *reader)
{
  size_t length = strcspn(reader->at, "<");
  bool blank = strspn(reader->at, " \t\r\n") >= length;
  if (!blank)
    text_add(page, "%.*s", (int)length, reader->at);
  else if (reader->in_root && memchr(reader->at, '\n', length) != NULL)
    text_add(page, "\n");
  reader->at += length;
}

bool svg_inline(struct text *page, const char *source, const char *prefix, const char *label,
                const char *file, struct sde_status *status)
{
  struct reader reader = {source, source, prefix, label, file, false, status};
  struct text svg = {0};
  bool good = true;
  while (good && *reader.at != '\0') {
    add_letters(&svg, &reader);
    good = *reader.at == '\0' || add_tag(&svg, &reader);
  }
  if (good && !reader.in_root)
    good = refuse(&reader, "there is no element", 3, "svg");
  if (good)
    text_add(page, "%s\n", svg.data);
  sde_free(svg.data);
  return good;
}
