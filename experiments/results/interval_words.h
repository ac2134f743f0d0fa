/*
 * Intervals in the evidence of a verdict, for people: "0.52 [0.47, 0.57]". Those of one run hold
 * together at the recipe's level. What stands behind "+-" is one standard error, here as anywhere.
 */
#ifndef EXPERIMENTS_RESULTS_INTERVAL_WORDS_H
#define EXPERIMENTS_RESULTS_INTERVAL_WORDS_H

/* Text that a format takes as %s: interval_words(centre, half).text. */
struct interval_words {
  char text[96];
};

/* The centre and the interval that reaches `half` to both sides, to the second digit of `half`; where
 * that is zero or not finite, the centre alone. */
struct interval_words interval_words(double centre, double half);

#endif
