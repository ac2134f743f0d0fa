/*
 * The words of formulas and of programs: names, numbers and columns, the same in both languages.
 */
#ifndef MODELS_LEXER_H
#define MODELS_LEXER_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes beyond ASCII count as letters. */
bool lexer_is_digit(char byte);
bool lexer_is_letter(char byte);

/* Does a character begin with this byte? In UTF-8 10xxxxxx continues one. */
bool lexer_begins_character(char byte);

/* The length of the name that begins here, a letter, then letters and digits; 0 where none does. */
size_t lexer_name_length(const char *text);

/* Are these bytes, `length` of them, this name? */
bool lexer_matches(const char *name, const char *text, size_t length);

/* The number that begins at *at, which is stepped over; NULL. Else *at is the place that is wrong, and
 * what is wrong with it is returned. */
const char *lexer_number(const char **at, double *number);

#endif
