/*
 * Parameters: a list of named values, each of one kind, with the place where it stood. See
 * parameters.h.
 */
#include "models/parameters.h"

#include "sde/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { NUMBERS, TEXTS, MATRIX };

struct value {
  char *name, *place;
  enum kind kind;
  size_t count; /* numbers or texts; rows * columns of a matrix */
  size_t rows, columns;
  double *numbers;
  char **texts;
  char **names; /* of files, else NULL */
};

struct parameters {
  size_t count, capacity;
  struct value *value;
};

struct parameters *parameters_new(void)
{
  return sde_alloc(1, sizeof(struct parameters));
}

void parameters_free(struct parameters *parameters)
{
  if (parameters == NULL)
    return;
  for (size_t i = 0; i < parameters->count; i++) {
    struct value *value = &parameters->value[i];
    for (size_t k = 0; value->texts != NULL && k < value->count; k++)
      sde_free(value->texts[k]);
    for (size_t k = 0; value->names != NULL && k < value->count; k++)
      sde_free(value->names[k]);
    sde_free(value->texts);
    sde_free(value->names);
    sde_free(value->numbers);
    sde_free(value->name);
    sde_free(value->place);
  }
  sde_free(parameters->value);
  sde_free(parameters);
}

/* A mistake of the program, not of its user. */
static _Noreturn void mistake(const char *name, const char *what)
{
  fprintf(stderr, "sharpsde: internal error: parameter '%s' %s\n", name, what);
  abort();
}

static const struct value *find(const struct parameters *parameters, const char *name)
{
  for (size_t i = 0; i < parameters->count; i++)
    if (strcmp(parameters->value[i].name, name) == 0)
      return &parameters->value[i];
  return NULL;
}

static struct value *add(struct parameters *parameters, const char *name, enum kind kind,
                         size_t count, const char *place)
{
  if (find(parameters, name) != NULL)
    mistake(name, "is added twice");
  if (parameters->count == parameters->capacity) {
    size_t capacity = 2 * parameters->capacity + 8;
    struct value *grown = sde_alloc(capacity, sizeof *grown);
    if (parameters->count > 0)
      memcpy(grown, parameters->value, parameters->count * sizeof *grown);
    sde_free(parameters->value);
    parameters->value = grown;
    parameters->capacity = capacity;
  }
  struct value *value = &parameters->value[parameters->count++];
  value->name = sde_strdup(name);
  value->place = sde_strdup(place);
  value->kind = kind;
  value->count = count;
  return value;
}

static double *copy_numbers(size_t count, const double *values)
{
  double *copy = sde_alloc(count, sizeof *copy);
  return count == 0 ? copy : memcpy(copy, values, count * sizeof *copy);
}

void parameters_add_numbers(struct parameters *parameters, const char *name, size_t count,
                            const double *values, const char *place)
{
  add(parameters, name, NUMBERS, count, place)->numbers = copy_numbers(count, values);
}

static char **copy_texts(size_t count, const char *const *values)
{
  char **copy = sde_alloc(count, sizeof *copy);
  for (size_t i = 0; i < count; i++)
    copy[i] = sde_strdup(values[i]);
  return copy;
}

void parameters_add_texts(struct parameters *parameters, const char *name, size_t count,
                          const char *const *values, const char *place)
{
  add(parameters, name, TEXTS, count, place)->texts = copy_texts(count, values);
}

void parameters_add_files(struct parameters *parameters, const char *name, size_t count,
                          const char *const *found, const char *const *named, const char *place)
{
  struct value *value = add(parameters, name, TEXTS, count, place);
  value->texts = copy_texts(count, found);
  value->names = copy_texts(count, named);
}

void parameters_add_matrix(struct parameters *parameters, const char *name, size_t rows,
                           size_t columns, const double *values, const char *place)
{
  struct value *value = add(parameters, name, MATRIX, rows * columns, place);
  value->rows = rows;
  value->columns = columns;
  value->numbers = copy_numbers(rows * columns, values);
}

static const struct value *get(const struct parameters *parameters, const char *name)
{
  const struct value *value = find(parameters, name);
  if (value == NULL)
    mistake(name, "is not there");
  return value;
}

static const struct value *get_kind(const struct parameters *parameters, const char *name,
                                    enum kind kind)
{
  const struct value *value = get(parameters, name);
  if (value->kind != kind)
    mistake(name, "is read as another type");
  return value;
}

static const struct value *get_one(const struct parameters *parameters, const char *name,
                                   enum kind kind)
{
  const struct value *value = get_kind(parameters, name, kind);
  if (value->count != 1)
    mistake(name, "is a list and read as one item");
  return value;
}

bool parameters_has(const struct parameters *parameters, const char *name)
{
  return find(parameters, name) != NULL;
}

size_t parameters_count(const struct parameters *parameters, const char *name)
{
  return get(parameters, name)->count;
}

uint64_t parameters_u64(const struct parameters *parameters, const char *name)
{
  double number = get_one(parameters, name, NUMBERS)->numbers[0];
  if (!(number >= 0 && number <= 0x1p53) || number != (double)(uint64_t)number)
    mistake(name, "is not a count");
  return (uint64_t)number;
}

double parameters_real(const struct parameters *parameters, const char *name)
{
  return get_one(parameters, name, NUMBERS)->numbers[0];
}

bool parameters_bool(const struct parameters *parameters, const char *name)
{
  double number = get_one(parameters, name, NUMBERS)->numbers[0];
  if (number != 0 && number != 1)
    mistake(name, "is neither true nor false");
  return number == 1;
}

const char *parameters_text(const struct parameters *parameters, const char *name)
{
  return get_one(parameters, name, TEXTS)->texts[0];
}

const double *parameters_reals(const struct parameters *parameters, const char *name,
                               size_t *length)
{
  const struct value *value = get_kind(parameters, name, NUMBERS);
  *length = value->count;
  return value->numbers;
}

const char *const *parameters_texts(const struct parameters *parameters, const char *name,
                                    size_t *length)
{
  const struct value *value = get_kind(parameters, name, TEXTS);
  *length = value->count;
  return (const char *const *)value->texts;
}

const char *const *parameters_names(const struct parameters *parameters, const char *name,
                                    size_t *length)
{
  const struct value *value = get_kind(parameters, name, TEXTS);
  *length = value->count;
  return (const char *const *)(value->names != NULL ? value->names : value->texts);
}

const double *parameters_matrix(const struct parameters *parameters, const char *name, size_t *rows,
                                size_t *columns)
{
  const struct value *value = get_kind(parameters, name, MATRIX);
  *rows = value->rows;
  *columns = value->columns;
  return value->numbers;
}

const char *parameters_place(const struct parameters *parameters, const char *name)
{
  return get(parameters, name)->place;
}

bool parameters_given(const struct parameters *parameters, const char *name)
{
  const struct value *value = find(parameters, name);
  return value != NULL && strcmp(value->place, "default") != 0;
}
