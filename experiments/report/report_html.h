/*
 * HTML for reports: text escaped, elements, the head with its style. Whatever comes from a recipe,
 * a table or a summary goes through html_text.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_HTML_H
#define EXPERIMENTS_REPORT_REPORT_HTML_H

#include "experiments/io/text.h"

/* Append text, or the value of an attribute in double quotes: & < > and quotes become entities, and
 * bytes that are no text (broken UTF-8, control characters) the replacement character. */
void html_text(struct text *page, const char *text);

/* <tag attributes>text</tag>; `attributes` is HTML of the program's own, "" for none. */
void html_element(struct text *page, const char *tag, const char *attributes, const char *text);

/* A heading of a level from 1 to 6 with the id "PREFIX" "ID". */
void html_heading(struct text *page, int level, const char *prefix, const char *id,
                  const char *text);

/* A document up to its <main>, and its end. */
void html_begin(struct text *page, const char *title);
void html_end(struct text *page);

/* The style sheet of a report: light and dark, phone and paper. */
extern const char report_style[];

#endif
