/*
 * Parameters: the named, typed values that a loss, a noise model, an optimizer or a study is made
 * from, and the keys that say which values are accepted. They know no file format: a recipe reader
 * fills them, and each value remembers where it stood, so that a late error can name the line.
 */
#ifndef MODELS_PARAMETERS_H
#define MODELS_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type of one item. Where a key is marked as a list, a list of items is accepted too. */
enum parameter_type {
  PARAMETER_COUNT,  /* whole number; 2e5 is one, 4.5 and -1 are not */
  PARAMETER_REAL,   /* finite number */
  PARAMETER_BOOL,   /* true or false */
  PARAMETER_CHOICE, /* one of the names in `choices` */
  PARAMETER_TEXT,   /* any text */
  PARAMETER_FILE,   /* path of a data file; the value is the path as found */
  PARAMETER_MATRIX, /* square list of equally long lists of real numbers */
  PARAMETER_NAMED   /* numbers with names: a map, or texts; the value is texts "name = 1, 2" */
};

/* One accepted key. Tables of keys end with a row whose name is NULL. */
struct parameter_key {
  const char *name;
  enum parameter_type type;
  bool list;            /* a list of items is accepted as well as one item */
  double low, high;     /* accepted range of a number, ends included ... */
  bool low_open;        /* ... but for the lower end where this is set */
  const char *fallback; /* default as YAML text; NULL where there is none */
  bool required;        /* must be given (only where fallback is NULL) */
  const char *choices;  /* PARAMETER_CHOICE: "a b c" */
  const char *help;     /* one line for starter recipes and `list` */
};

struct parameters; /* opaque: name -> value, place */

/* Without a parameter yet, and the release with all values. */
struct parameters *parameters_new(void);
void parameters_free(struct parameters *parameters);

/* Fill. `place` is "FILE:LINE" (or "--set", "default"); names must be new. Numbers of type COUNT
 * and BOOL are stored as doubles (counts up to 2^53). */
void parameters_add_numbers(struct parameters *parameters, const char *name, size_t count,
                            const double *values, const char *place);
void parameters_add_texts(struct parameters *parameters, const char *name, size_t count,
                          const char *const *values, const char *place);
/* Files: where each was found, and how it was named. */
void parameters_add_files(struct parameters *parameters, const char *name, size_t count,
                          const char *const *found, const char *const *named, const char *place);
void parameters_add_matrix(struct parameters *parameters, const char *name, size_t rows,
                           size_t columns, const double *values, const char *place);

/* Read. Asking for a name that is not there, or as another type, is a mistake of the program and
 * ends it; ask parameters_has first where a key has neither default nor `required`. */
bool parameters_has(const struct parameters *parameters, const char *name);
size_t parameters_count(const struct parameters *parameters, const char *name);
uint64_t parameters_u64(const struct parameters *parameters, const char *name);
double parameters_real(const struct parameters *parameters, const char *name);
bool parameters_bool(const struct parameters *parameters, const char *name);
const char *parameters_text(const struct parameters *parameters, const char *name);

/* Lists: pointer to *length items, owned by the parameters. A scalar is a list of one. */
const double *parameters_reals(const struct parameters *parameters, const char *name,
                               size_t *length);
const char *const *parameters_texts(const struct parameters *parameters, const char *name,
                                    size_t *length);
/* Files by the names that they were asked for; other texts as they are. */
const char *const *parameters_names(const struct parameters *parameters, const char *name,
                                    size_t *length);
/* Row-major rows x columns. */
const double *parameters_matrix(const struct parameters *parameters, const char *name, size_t *rows,
                                size_t *columns);

/* Where the value stood: "FILE:LINE", "--set KEY" or "default". */
const char *parameters_place(const struct parameters *parameters, const char *name);

/* Is it there because the user said so? A default is not, nor what is not there. */
bool parameters_given(const struct parameters *parameters, const char *name);

#endif
