/*
 * Statuses and memory: see status.h.
 */
#include "sde/status.h"

#include "sde/number.h"
#include "sde/ranks.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sde_fail(struct sde_status *status, enum sde_code code, const char *format, ...)
{
  if (status->code == SDE_OK) {
    va_list arguments;
    va_start(arguments, format);
    struct sde_numerals numerals = sde_numerals_begin();
    vsnprintf(status->message, sizeof status->message, format, arguments);
    sde_numerals_end(numerals);
    va_end(arguments);
    status->code = code;
  }
  return false;
}

static _Noreturn void out_of_memory(size_t count, size_t size)
{
  char sentence[128];
  snprintf(sentence, sizeof sentence, "out of memory: %zu items of %zu bytes", count, size);
  sde_ranks_stop(sentence);
}

void *sde_alloc(size_t count, size_t size)
{
  const size_t alignment = 64;
  if (size != 0 && count > (SIZE_MAX - alignment) / size)
    out_of_memory(count, size);
  size_t bytes = (count * size + alignment - 1) / alignment * alignment;
  void *memory = aligned_alloc(alignment, bytes == 0 ? alignment : bytes);
  if (memory == NULL)
    out_of_memory(count, size);
  return memset(memory, 0, bytes == 0 ? alignment : bytes);
}

void sde_free(void *memory)
{
  free(memory);
}

char *sde_strdup(const char *text)
{
  size_t length = strlen(text) + 1;
  return memcpy(sde_alloc(length, 1), text, length);
}

char *sde_format(const char *format, ...)
{
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  struct sde_numerals numerals = sde_numerals_begin();
  int length = vsnprintf(NULL, 0, format, arguments);
  char *text = sde_alloc((size_t)length + 1, 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  sde_numerals_end(numerals);
  va_end(again);
  va_end(arguments);
  return text;
}
