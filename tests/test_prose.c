/*
 * Typography of reports: what the ASCII sentences of the program become, what stays as it is, and
 * that every number means what it meant.
 */
#include "experiments/report/report_prose.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NBSP "\u00A0"

static const struct {
  const char *ascii, *set;
} sentences[] = {
    {"", ""},
    {"loss: -0.00419 +- 0.002 at eta 0.1, ratio 0.56",
     "loss: −0.00419" NBSP "±" NBSP "0.002 at η" NBSP "=" NBSP "0.1, ratio 0.56"},
    {"m-usam m=1, b 4, rho 1e-04: falls like eta^1",
     "m-usam m" NBSP "=" NBSP "1, b" NBSP "=" NBSP "4, ρ" NBSP "=" NBSP "10⁻⁴: falls like η"},
    {"x1: -0.0348 +- 5e-08 at eta -> 0",
     "x1: −0.0348" NBSP "±" NBSP "5" NBSP "×" NBSP "10⁻⁸ at η → 0"},
    {"eta^2 and rho^2, eta^-1, eta^0.5", "η² and ρ², η^-1, η^0.5"},
    {"2e+12 paths, 1e5 steps, 3.25e-100",
     "2" NBSP "×" NBSP "10¹² paths, 10⁵ steps, 3.25" NBSP "×" NBSP "10⁻¹⁰⁰"},
    {"rho grad E|g_I|, |g| and rho |grad R|", "ρ ∇E‖g_I‖, ‖g‖ and ρ ‖∇R‖"},
    {"grad tr V with coefficient rho c(m)/2", "∇tr V with coefficient ρ c(m)/2"},
    {"from s=1 to |g| it falls by 0.25", "from s" NBSP "=" NBSP "1 to ‖g‖ it falls by 0.25"},
    {"p <- p - eta (gamma p + w), mu = 1 - eta gamma", "p ← p − η (γ p + w), μ = 1 − η γ"},
    /* Names are left alone. */
    {"noise-trace, rho_order, x1, beta, theta_1", "noise-trace, rho_order, x1, beta, theta_1"},
    {"out/eta-2/rho.csv:10: eta lacks 0", "out/eta-2/rho.csv:10: η lacks 0"},
    {"`sharpsde plot eta 1e-3` draws", "`sharpsde plot eta 1e-3` draws"},
    {"max |x| of 3-4, 2026-01-02, 1e", "max |x| of 3-4, 2026-01-02, 1e"},
    {"ρ⁰ ist schön", "ρ⁰ ist schön"},
};

START_TEST(sentences_are_set)
{
  struct text text = {0};
  prose_add(&text, sentences[_i].ascii);
  ck_assert_str_eq(text.data, sentences[_i].set);
  sde_free(text.data);
}
END_TEST

START_TEST(html_is_escaped)
{
  struct text text = {0};
  html_prose_element(&text, "li", "", "1 < 2 +- <b> & \"eta\"");
  ck_assert_str_eq(text.data, "<li>1 &lt; 2" NBSP "±" NBSP "&lt;b&gt; &amp; &quot;η&quot;</li>\n");
  sde_free(text.data);
}
END_TEST

static void replace(char *text, const char *from, const char *to)
{
  for (char *at; (at = strstr(text, from)) != NULL;) {
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
  }
}

/* Read a number as it is set. */
static double read_set(const char *set)
{
  static const char *const ascii[][2] = {{"−", "-"}, {"⁻", "-"}, {NBSP "×" NBSP "10", "e"},
                                         {"⁰", "0"}, {"¹", "1"}, {"²", "2"},
                                         {"³", "3"}, {"⁴", "4"}, {"⁵", "5"},
                                         {"⁶", "6"}, {"⁷", "7"}, {"⁸", "8"},
                                         {"⁹", "9"}};
  char *text = sde_strdup(set), *end;
  const char *ten = strstr(set, "10");
  bool power = strstr(set, "×") == NULL && ten != NULL && (ten[2] & 0x80) != 0;
  if (power) /* one to a power has no mantissa */
    replace(text, "10", "1e");
  for (size_t i = 0; i < sizeof ascii / sizeof *ascii; i++)
    replace(text, ascii[i][0], ascii[i][1]);
  double value = strtod(text, &end);
  ck_assert_msg(*end == '\0', "%s is %s", set, text);
  sde_free(text);
  return value;
}

/* Whatever the size, the sign and the digits. */
START_TEST(numbers_keep_their_values)
{
  static const double mantissas[] = {1, -1, 2.5, -3.14159, 9.99, -1.0001};
  for (int power = -320; power <= 300; power += 5)
    for (size_t i = 0; i < sizeof mantissas / sizeof *mantissas; i++) {
      char ascii[40];
      snprintf(ascii, sizeof ascii, "%.5g", mantissas[i] * pow(10, power));
      struct text text = {0};
      prose_add(&text, ascii);
      ck_assert_msg(read_set(text.data) == strtod(ascii, NULL), "%s is set as %s", ascii,
                    text.data);
      sde_free(text.data);
    }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("prose");
  TCase *set = testing_case(suite, "setting");
  tcase_add_loop_test(set, sentences_are_set, 0, sizeof sentences / sizeof *sentences);
  tcase_add_test(set, html_is_escaped);
  tcase_add_test(set, numbers_keep_their_values);
  return testing_run(suite);
}
