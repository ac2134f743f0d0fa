/*
 * Pictures in a report: an svg of gnuplot's as part of an HTML page.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_SVG_H
#define EXPERIMENTS_REPORT_REPORT_SVG_H

#include "experiments/io/text.h"
#include "sde/status.h"

/* Append an svg as an element of an HTML page: without XML header, title and fixed size, with
 * role="img" and `label` as its text. Ids begin with `prefix`, so that those of several pictures
 * differ, and only those that the picture uses stay. The page would run what a picture carries:
 * elements that do not draw, event handlers and links out of the picture are refused. False where
 * `source` is no svg of this kind, and the page is as it was; `file` is named in the sentence. */
bool svg_inline(struct text *page, const char *source, const char *prefix, const char *label,
                const char *file, struct sde_status *status);

#endif
