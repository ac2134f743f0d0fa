/*
 * The comment at the head of a recipe: see recipe_comment.h.
 */
#include "experiments/recipe/recipe_comment.h"

#include "experiments/io/text.h"

#include <string.h>

char *recipe_comment(const char *text)
{
  static const char byte_order_mark[] = "\xEF\xBB\xBF";
  struct text comment = {0};
  text_add(&comment, "%s", "");
  if (strncmp(text, byte_order_mark, 3) == 0)
    text += 3;
  while (*text == '#') {
    text += 1 + (text[1] == ' ');
    size_t length = strcspn(text, "\r\n"), good = text_bad_byte(length, text);
    text_add(&comment, "%.*s\n", (int)good, text);
    text += length;
    text += *text == '\r' && text[1] == '\n' ? 2 : *text != '\0';
  }
  return comment.data;
}
