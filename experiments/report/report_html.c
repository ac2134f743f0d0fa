/*
 * HTML for reports: see report_html.h.
 */
#include "experiments/report/report_html.h"

#include "sde/status.h"

#include <string.h>

static const char *entity_of(char byte)
{
  switch (byte) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '"':
    return "&quot;";
  case '\'':
    return "&#39;";
  default:
    return NULL;
  }
}

void html_text(struct text *page, const char *text)
{
  char *good = text_utf8(text);
  size_t plain = 0, length = strlen(good);
  for (size_t i = 0; i < length; i++) {
    const char *entity = entity_of(good[i]);
    if (entity == NULL)
      continue;
    text_add(page, "%.*s%s", (int)(i - plain), good + plain, entity);
    plain = i + 1;
  }
  text_add(page, "%s", good + plain);
  sde_free(good);
}

void html_element(struct text *page, const char *tag, const char *attributes, const char *text)
{
  text_add(page, "<%s%s%s>", tag, attributes[0] == '\0' ? "" : " ", attributes);
  html_text(page, text);
  text_add(page, "</%s>\n", tag);
}

void html_heading(struct text *page, int level, const char *prefix, const char *id,
                  const char *text)
{
  text_add(page, "<h%d id=\"%s%s\">", level, prefix, id);
  html_text(page, text);
  text_add(page, "</h%d>\n", level);
}

/* Whatever should get into a page: it runs no script and loads nothing. */
void html_begin(struct text *page, const char *title)
{
  text_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n");
  html_element(page, "title", "", title);
  text_add(page, "<style>\n%s</style>\n</head>\n<body>\n<main>\n", report_style);
}

void html_end(struct text *page)
{
  text_add(page, "</main>\n</body>\n</html>\n");
}
