/*
 * Typography: the ASCII sentences of summary.json and of the program's warnings as a page sets
 * them, with η, ρ, ±, ×, − and powers of ten.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_PROSE_H
#define EXPERIMENTS_REPORT_REPORT_PROSE_H

#include "experiments/io/text.h"

/* Append a sentence as UTF-8: "rho 1e-04" as "ρ = 10⁻⁴", "-2 +- 1" as "−2 ± 1", "eta^1" as "η".
 * What stands between backticks, and names such as noise-trace or rho_order, stay as they are. */
void prose_add(struct text *text, const char *sentence);

/* The same into a page, with HTML's own characters as entities. */
void html_prose(struct text *page, const char *sentence);

/* <tag attributes>sentence</tag>, as html_element. */
void html_prose_element(struct text *page, const char *tag, const char *attributes,
                        const char *sentence);

#endif
