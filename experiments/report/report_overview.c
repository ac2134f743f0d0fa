/*
 * The overview of several runs: see report_overview.h.
 */
#include "experiments/report/report_overview.h"

#include "experiments/report/report_attention.h"
#include "experiments/report/report_comparison.h"
#include "experiments/report/report_html.h"
#include "experiments/report/report_verdict.h"

/* What a run is called among others, which leads to it, and its title. */
static void add_name(struct text *page, const struct place *place)
{
  char *name = report_run_name(place->run);
  text_add(page, "<a href=\"#%stitle\">", place->prefix);
  html_text(page, name);
  text_add(page, "</a>: ");
  html_text(page, report_run_title(place->run));
  sde_free(name);
}

char *overview_title(size_t runs, const struct report_run *run)
{
  struct text text = {0};
  for (size_t i = 0; i < runs; i++) {
    char *name = report_run_name(&run[i]);
    text_add(&text, "%s%s", i == 0 ? "Comparison of " : i + 1 < runs ? ", " : " and ", name);
    sde_free(name);
  }
  return text.data;
}

static void add_overview_row(struct text *page, const struct place *place)
{
  const struct report_run *run = place->run;
  char *paths = report_run_paths(run), *time = report_run_time(run);
  text_add(page, "<tr><td>");
  add_name(page, place);
  text_add(page, "</td><td>");
  html_text(page, run->study);
  text_add(page,
           "</td><td class=\"number\">%zu</td><td class=\"number\">%zu</td>"
           "<td class=\"number\">%zu</td><td class=\"number\">%lld</td><td class=\"number\">",
           run->held, run->failed, run->open,
           (long long)json_integer_value(json_object_get(run->summary, "seed")));
  html_text(page, paths);
  text_add(page, "</td><td class=\"number\">");
  html_text(page, time);
  text_add(page, "</td></tr>\n");
  sde_free(time);
  sde_free(paths);
}

/* The sentence of each run, which leads to it. */
static void add_overview_sentences(struct text *page, size_t runs, const struct place *place)
{
  text_add(page, "<ul class=\"sentences\">\n");
  for (size_t i = 0; i < runs; i++) {
    text_add(page, "<li>");
    add_name(page, &place[i]);
    text_add(page, "\n");
    verdict_sentence(page, place[i].run);
    text_add(page, "</li>\n");
  }
  text_add(page, "</ul>\n");
}

/* Which runs have something to be known first. */
static void add_overview_attention(struct text *page, size_t runs, const struct place *place)
{
  struct text list = {0};
  for (size_t i = 0; i < runs; i++) {
    struct text items = {0};
    size_t count = report_attention(&items, place[i].run, NULL);
    if (count > 0) {
      text_add(&list, "<li><a href=\"#%sattention\">", place[i].prefix);
      html_text(&list, report_run_title(place[i].run));
      text_add(&list, "</a><ul>\n%s</ul></li>\n", items.data);
    }
    sde_free(items.data);
  }
  if (list.length > 0)
    text_add(page,
             "<section class=\"attention\" aria-labelledby=\"attention\">\n"
             "<h2 id=\"attention\">Read this first</h2>\n<ul>\n%s</ul>\n</section>\n",
             list.data);
  sde_free(list.data);
}

void overview_add(struct text *page, const char *title, size_t runs, const struct place *place)
{
  html_element(page, "h1", "", title);
  add_overview_attention(page, runs, place);
  add_overview_sentences(page, runs, place);
  text_add(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\">"
                 "<table class=\"runs\"><thead><tr><th scope=\"col\">run</th>"
                 "<th scope=\"col\">study</th>");
  static const char *const words[] = {"✓ hold", "✗ fail", "? undecided", "seed", "paths", "time"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    text_add(page, "<th scope=\"col\" class=\"number\">%s</th>", words[i]);
  text_add(page, "</tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < runs; i++)
    add_overview_row(page, &place[i]);
  text_add(page, "</tbody></table></div>\n");
  report_differing_keys(page, runs, place->run);
  report_common_means(page, runs, place->run);
}
