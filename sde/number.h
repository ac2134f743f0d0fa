/*
 * Numbers as text, read and written the same whatever the locale of the program that the library
 * is part of.
 */
#ifndef SDE_NUMBER_H
#define SDE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* The first `length` bytes of a text as a decimal number, [-+](digits[.digits] |
 * .digits)[e[-+]digits], correctly rounded and with no negative zero. False where they are not such
 * a number as a whole; and where its value is beyond the range of a double, which is then infinite,
 * or too small for it, which is then 0. What follows in the text, which ends in a zero byte, must
 * not go on with it. */
bool sde_number_read(size_t length, const char *text, double *number);

/* From begin to end this thread writes (printf) and reads (scanf) numbers with a decimal point. The
 * two are POSIX's locale_t, which a header for plain C cannot name. */
struct sde_numerals {
  void *plain, *before;
};
/* Begin, and end with what it gave. */
struct sde_numerals sde_numerals_begin(void);
void sde_numerals_end(struct sde_numerals numerals);

#endif
