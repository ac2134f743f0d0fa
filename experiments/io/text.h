/*
 * Texts for people and files: a text that grows, shortest numbers, YAML quoting, nearest names,
 * paragraphs of a given width.
 */
#ifndef EXPERIMENTS_IO_TEXT_H
#define EXPERIMENTS_IO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A text that grows; starts as {0}. `data` ends in a zero byte once something was added, and is
 * released with sde_free. */
struct text {
  char *data;
  size_t length, capacity;
};

/* Append, printf format. */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The shortest decimal number that reads back as the same double. */
enum { TEXT_NUMBER_SIZE = 32 };
const char *text_number(double number, char buffer[TEXT_NUMBER_SIZE]);

/* Append UTF-8 text as a YAML scalar on one line that reads back as the same text: plain where
 * that is safe, else in double quotes. */
void text_add_yaml(struct text *text, const char *value);

/* The first byte of `length` that is no part of UTF-8 text as YAML knows it (broken sequences,
 * control characters but tab and line ends), or `length`. */
size_t text_bad_byte(size_t length, const char *bytes);

/* A copy of the text in which each such byte is the replacement character U+FFFD; released with
 * sde_free. */
char *text_utf8(const char *text);

/* The one of the names separated by spaces that is nearest to `word` by insertions, deletions,
 * replacements and swaps of letters; NULL where none is near. Released with sde_free. */
char *text_nearest(const char *word, const char *names);

/* The names separated by spaces with ", " between them; released with sde_free. */
char *text_comma_list(const char *names);

/* Is this one of the names separated by spaces? */
bool text_is_one_of(const char *word, const char *names);

/* Write words in lines of at most `width` columns, the first starting with `first`, the others with
 * `margin`. A word that is longer than a line gets one to itself. */
void text_wrap(FILE *stream, size_t width, const char *first, const char *margin,
               const char *words);

#endif
