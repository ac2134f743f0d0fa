/*
 * Texts for people and files: see text.h.
 */
#include "experiments/io/text.h"

#include "sde/status.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void text_add(struct text *text, const char *format, ...)
{
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  size_t more = (size_t)vsnprintf(NULL, 0, format, arguments);
  if (text->length + more + 1 > text->capacity) {
    size_t capacity = 2 * (text->length + more + 1);
    char *grown = sde_alloc(capacity, 1);
    if (text->length > 0)
      memcpy(grown, text->data, text->length);
    sde_free(text->data);
    text->data = grown;
    text->capacity = capacity;
  }
  vsnprintf(text->data + text->length, more + 1, format, again);
  text->length += more;
  va_end(again);
  va_end(arguments);
}

const char *text_number(double number, char buffer[TEXT_NUMBER_SIZE])
{
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(buffer, TEXT_NUMBER_SIZE, "%.*g", digits, number);
    if (strtod(buffer, NULL) == number)
      break;
  }
  return buffer;
}

/* The code point at bytes and its length in *size; size 0 where the sequence is broken. */
static uint32_t decode(size_t length, const unsigned char *bytes, size_t *size)
{
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char first = bytes[0];
  size_t wanted = first < 0x80             ? 1
                  : (first & 0xe0) == 0xc0 ? 2
                  : (first & 0xf0) == 0xe0 ? 3
                  : (first & 0xf8) == 0xf0 ? 4
                                           : 0;
  uint32_t point = wanted < 2 ? first : first & (0x7fu >> wanted);
  *size = 0;
  if (wanted == 0 || wanted > length)
    return 0;
  for (size_t i = 1; i < wanted; i++) {
    if ((bytes[i] & 0xc0) != 0x80)
      return 0;
    point = point << 6 | (bytes[i] & 0x3f);
  }
  if (point < least[wanted] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
    return 0;
  *size = wanted;
  return point;
}

size_t text_bad_byte(size_t length, const char *bytes)
{
  for (size_t at = 0, size; at < length; at += size) {
    uint32_t point = decode(length - at, (const unsigned char *)bytes + at, &size);
    if (size == 0 || (point < 0x20 && point != '\t' && point != '\n' && point != '\r'))
      return at;
  }
  return length;
}

char *text_utf8(const char *text)
{
  struct text clean = {0};
  size_t length = strlen(text);
  text_add(&clean, "%s", "");
  while (length > 0) {
    size_t good = text_bad_byte(length, text), taken = good + (good < length);
    text_add(&clean, "%.*s%s", (int)good, text, good < length ? "\uFFFD" : "");
    text += taken;
    length -= taken;
  }
  return clean.data;
}

/* A word of letters, digits, - and _ that no YAML reader takes for a number, truth or nothing. */
static bool is_plain(const char *value)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  static const char reserved[] = "true True TRUE false False FALSE null Null NULL yes Yes YES no "
                                 "No NO on On ON off Off OFF y Y n N";
  return *value != '\0' && strchr(letters, *value) != NULL &&
         value[strspn(value, others)] == '\0' && !text_is_one_of(value, reserved);
}

void text_add_yaml(struct text *text, const char *value)
{
  if (is_plain(value)) {
    text_add(text, "%s", value);
    return;
  }
  size_t length = strlen(value);
  text_add(text, "\"");
  for (size_t at = 0, size; at < length; at += size) {
    uint32_t point = decode(length - at, (const unsigned char *)value + at, &size);
    if (size == 0)
      break; /* callers give UTF-8 */
    if (point == '"' || point == '\\')
      text_add(text, "\\%c", (int)point);
    else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
             point == 0x2029 || point == 0xfeff)
      text_add(text, "\\u%04x", (unsigned)point);
    else
      text_add(text, "%.*s", (int)size, value + at);
  }
  text_add(text, "\"");
}

/* The next of names separated by spaces, its length in *length; *names moves past it. NULL at the
 * end. */
static const char *next_name(const char **names, size_t *length)
{
  const char *name = *names + strspn(*names, " ");
  *length = strcspn(name, " ");
  *names = name + *length;
  return *length == 0 ? NULL : name;
}

/* Optimal string alignment distance of a[0..m-1], in any case, and b[0..n-1] in lower case. */
static size_t distance(size_t m, const char *a, size_t n, const char *b)
{
  size_t stride = n + 1, *d = sde_alloc((m + 1) * stride, sizeof *d);
  for (size_t i = 0; i <= m; i++)
    for (size_t j = 0; j <= n; j++) {
      size_t *at = d + i * stride + j, best = i + j;
      if (i > 0 && j > 0) {
        best = at[-(ptrdiff_t)stride - 1] + (tolower((unsigned char)a[i - 1]) != b[j - 1]);
        if (at[-(ptrdiff_t)stride] + 1 < best)
          best = at[-(ptrdiff_t)stride] + 1;
        if (at[-1] + 1 < best)
          best = at[-1] + 1;
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
            at[-2 * (ptrdiff_t)stride - 2] + 1 < best)
          best = at[-2 * (ptrdiff_t)stride - 2] + 1;
      }
      *at = best;
    }
  size_t result = d[m * stride + n];
  sde_free(d);
  return result;
}

char *text_nearest(const char *word, const char *names)
{
  size_t size = strlen(word), length, best_length = 0, best = SIZE_MAX;
  const char *nearest = NULL, *name;
  while (size <= 64 && (name = next_name(&names, &length)) != NULL) {
    size_t apart = distance(size, word, length, name);
    size_t near = (size > length ? size : length) / 3;
    if (apart <= (near > 1 ? near : 1) && apart < length && apart < best) {
      best = apart;
      best_length = length;
      nearest = name;
    }
  }
  return nearest == NULL ? NULL : sde_format("%.*s", (int)best_length, nearest);
}

char *text_comma_list(const char *names)
{
  struct text list = {0};
  size_t length;
  const char *name;
  text_add(&list, "%s", "");
  while ((name = next_name(&names, &length)) != NULL)
    text_add(&list, "%s%.*s", list.length == 0 ? "" : ", ", (int)length, name);
  return list.data;
}

bool text_is_one_of(const char *word, const char *names)
{
  size_t length;
  const char *name;
  while ((name = next_name(&names, &length)) != NULL)
    if (strlen(word) == length && strncmp(word, name, length) == 0)
      return true;
  return false;
}

void text_wrap(FILE *stream, size_t width, const char *first, const char *margin, const char *words)
{
  size_t column = strlen(first), length;
  bool empty = true; /* the line so far */
  const char *word;
  fputs(first, stream);
  while ((word = next_name(&words, &length)) != NULL) {
    if (!empty && column + 1 + length > width) {
      fprintf(stream, "\n%s", margin);
      column = strlen(margin);
      empty = true;
    }
    column += (size_t)fprintf(stream, "%s%.*s", empty ? "" : " ", (int)length, word);
    empty = false;
  }
  fputc('\n', stream);
}
