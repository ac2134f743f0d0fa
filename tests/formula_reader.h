/*
 * Reading printed mathematics: MathML as the ASCII of `sharpsde explain`, and the value that a
 * printed formula has in a world of three samples in one dimension, where every batch can be
 * enumerated.
 */
#ifndef TESTS_FORMULA_READER_H
#define TESTS_FORMULA_READER_H

#include <stdbool.h>
#include <stddef.h>

enum { WORLD_SAMPLES = 3, WORLD_BATCH = 4, WORLD_POTENTIALS = 2, WORLD_DEFINITIONS = 8 };

/* A point of the world and what letters mean there. */
struct world {
  double x, rho;
  size_t m;                 /* divides the batch */
  bool gaussian;            /* noise of potentials: V = sum_k phi_k'^2 */
  size_t draw[WORLD_BATCH]; /* the mini-batch, samples with replacement */
  size_t micro, index;      /* the micro-batch I or j of it; the sample i or potential k */
  struct {
    const char *name, *text;
  } definition[WORLD_DEFINITIONS]; /* u, a_i, R, h, ...: the rest are NULL */
};

/* The loss of a sample and its derivatives of order 0 to 3; of all samples; of a potential. */
double world_sample(size_t i, int derivative, double x);
double world_loss(int derivative, double x);
double world_potential(size_t k, int derivative, double x);

/* V at a point. */
double world_variance(const struct world *world, double x);

/* Go to the next mini-batch of all WORLD_SAMPLES^WORLD_BATCH, from that of zeros on; false behind
 * the last. */
bool world_next_batch(struct world *world);

/* The derivative of a function at a point, by a five-point rule: exact for polynomials to degree 4.
 */
double world_derivative(double (*function)(void *context, double x), void *context, double x);

/* The value of a formula, up to its end; the test fails where it cannot be read. */
double formula_value(const struct world *world, const char *formula);

/* The formula of a <math> element, and where that ends; both NULL where there is none from here on.
 * The text is released with sde_free. */
char *formula_of_mathml(const char *page, const char **end);

/* Of statements separated by commas outside brackets, the right side of the one that starts with
 * `name` and an equals sign, or NULL. Released with sde_free. */
char *formula_defined(const char *statements, const char *name);

/* A copy without blanks, released with sde_free. */
char *formula_compact(const char *text);

/* A copy with each `from` replaced, released with sde_free. */
char *formula_replaced(const char *text, const char *from, const char *to);

#endif
