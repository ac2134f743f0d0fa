/*
 * The comment at the head of a recipe: see recipe_comment.h.
 */
#include "experiments/recipe/recipe_comment.h"

#include "experiments/io/text.h"
#include "sde/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *recipe_comment(const char *file)
{
  static const char byte_order_mark[] = "\xEF\xBB\xBF";
  struct text comment = {0};
  char *line = NULL;
  size_t capacity = 0;
  FILE *stream = fopen(file, "r");
  text_add(&comment, "%s", "");
  while (stream != NULL && getline(&line, &capacity, stream) > 0) {
    const char *start = line;
    if (comment.length == 0 && strncmp(start, byte_order_mark, 3) == 0)
      start += 3;
    line[strcspn(line, "\r\n")] = '\0';
    if (start[0] != '#')
      break;
    start += 1 + (start[1] == ' ');
    size_t length = strlen(start), good = text_bad_byte(length, start);
    text_add(&comment, "%.*s\n", (int)good, start);
  }
  free(line);
  if (stream != NULL)
    fclose(stream);
  return comment.data;
}
