# Strong and weak errors of the schemes against the step, both axes logarithmic, with dashed lines
# of the orders that schemes declare; two panels an equation.
# Run by experiments/pictures/plot.c in a folder that holds converge.csv:
#   gnuplot -d -c converge.gp TERMINAL PICTURE TITLE
# converge.csv  a row a point (its header names the columns)
# TERMINAL      svg, png or pdf     PICTURE  the file to write
# TITLE         the recipe's title, already broken into lines: shown, never interpreted
# A colour and a shape a scheme; of weak errors the first observable's are joined by a line, the
# others' by dots. Filled marks are resolved points, hollow ones are not and were not fitted; bars
# are +- 1.96 se. An exact scheme has nothing to show.

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ""
plots = ARG0[1:strlen(ARG0) - strlen("converge.gp")]
load plots."style.gp"
table = "converge.csv"
set datafile separator comma
set datafile columnheaders

# Equations, schemes and curves in the order of the table; of an equation the strong errors first.
# Names hold no spaces but those of observables.
equation_names = ""
panel_names = ""
scheme_names = ""
exact_names = ""
forced_names = ""
curve_names = ""
first_names = ""
noise_names = ""
has(list, name) = sum [i = 1:words(list)] (word(list, i) eq name)
underlined(name) = (strstrt(name, " ") == 0 ? name : \
                    name[1:strstrt(name, " ") - 1]."_".underlined(name[strstrt(name, " ") + 1:*]))
panel_key(equation, kind) = equation."/".kind
curve_key(equation, kind, scheme, observable) = \
    panel_key(equation, kind)."/".scheme."/".underlined(observable)."/"
key_of_row(x) = curve_key(strcol(1), strcol(4), strcol(3), strcol(5))
is_exact(x) = strcol(14) eq "inf"
add_equation(name, noise) = has(equation_names, name) ? 0 : \
    (equation_names = equation_names." ".name, noise_names = noise_names." ".noise, 0)
add_panel(name) = has(panel_names, name) ? 0 : (panel_names = panel_names." ".name, 0)
add_exact(name) = has(exact_names, name) ? 0 : (exact_names = exact_names." ".name, 0)
add_scheme(name) = is_exact(0) ? add_exact(name) \
    : has(scheme_names, name) ? 0 : (scheme_names = scheme_names." ".name, 0)
forced_name(x) = strcol(3)."_on_".strcol(1)
add_forced(x) = strcol(6) ne "true" || has(forced_names, forced_name(0)) ? 0 : \
    (forced_names = forced_names." ".forced_name(0), 0)
first_key(x) = panel_key(strcol(1), strcol(4))."/".strcol(3)
add_curve(name) = has(curve_names, name) ? 0 : (curve_names = curve_names." ".name, \
    has(first_names, first_key(0)) ? 0 : (first_names = first_names." ".first_key(0)." ".name, 0))
stats table using (add_equation(strcol(1), strcol(2)), add_scheme(strcol(3)), add_forced(0), \
                   is_exact(0) ? 0 : add_curve(key_of_row(0)), \
                   add_panel(panel_key(strcol(1), strcol(4))), 0) nooutput
found = panel_names
panel_names = ""
do for [e = 1:words(equation_names)] {
  do for [kind in "strong weak"] {
    name = panel_key(word(equation_names, e), kind)
    if (has(found, name)) { panel_names = panel_names." ".name }
  }
}
panels = words(panel_names)
schemes = words(scheme_names)
curves = words(curve_names)
spaced(name) = (strstrt(name, "_") == 0 ? name : \
                name[1:strstrt(name, "_") - 1]." ".spaced(name[strstrt(name, "_") + 1:*]))
part(name, k) = k == 1 ? name[1:strstrt(name, "/") - 1] \
                       : part(name[strstrt(name, "/") + 1:*], k - 1)
in_panel(p) = !is_exact(0) && panel_key(strcol(1), strcol(4)) eq word(panel_names, p) \
              && column(11) > 0
is_point(curve) = strcol(11) ne "0" && key_of_row(0) eq curve
panel_of(curve) = panel_key(part(curve, 1), part(curve, 2))
noise_of(name) = word(noise_names, sum [i = 1:words(equation_names)] \
                                  (word(equation_names, i) eq name ? i : 0))
dash(curve) = has(first_names, curve) ? 1 : 3
scheme_of(curve) = sum [i = 1:schemes] (word(scheme_names, i) eq part(curve, 3) ? i : 0)

colour(i) = colour_number(i)
shape(i) = shape_number(i)
# Schemes that are the same on some noise lie on one another: the later ones' marks are smaller.
size(i) = mark * (1.9 - 0.9 * (i - 1) / (schemes > 1 ? schemes - 1 : 1))

# The sheet in pixels, from the top: title, panels, legend.
columns = panels < 4 ? panels : 4
width = columns < 3 ? least_width : 450 * columns
panel_rows = (panels + columns - 1) / columns
panel_width = width / columns
panel_height = 435
head = 30 * title_lines + 50
legend_columns = width < 1500 ? 3 : 5
entries = schemes + words(exact_names)
legend_lines = (entries + legend_columns - 1) / legend_columns
legend_top = head + panel_rows * panel_height + 30
height = legend_top + 26 * legend_lines + 20
left(p) = panel_width * ((p - 1) % columns) + 116
right(p) = panel_width * ((p - 1) % columns + 1) - 20
top(p) = head + panel_height * ((p - 1) / columns) + 40
bottom(p) = head + panel_height * ((p - 1) / columns + 1) - 60

load plots."sheet.gp"
set label "filled: resolved and fitted,  hollow: not fitted,  dashed: orders,  dotted: the ". \
          "other observable's weak error,  bars: 95 %". \
          (words(forced_names) > 0 ? ",  forced:".spaced(forced_names) : "") \
    at screen 0.5, up(30 * title_lines + 26) center textcolor rgb "#444444"
do for [i = 1:entries] {
  legend_x = 40 + (width - 60) / legend_columns * ((i - 1) % legend_columns)
  legend_y = legend_top + 26 * ((i - 1) / legend_columns)
  name = i <= schemes ? word(scheme_names, i) : word(exact_names, i - schemes)." (exact: not drawn)"
  set label name at screen across(legend_x + 30), up(legend_y) left
  if (i <= schemes) {
    set arrow from screen across(legend_x - 20), up(legend_y) \
        to screen across(legend_x + 20), up(legend_y) nohead linewidth 1.5 linecolor rgb colour(i)
    set label "" at screen across(legend_x), up(legend_y) \
        point pointtype shape(i) pointsize size(i) linecolor rgb colour(i)
  }
}

do for [p = 1:panels] {
  low_x = 1e300; high_x = 0; low_y = 1e300; high_y = 0; orders = ""
  equation = part(word(panel_names, p)."/", 1)
  kind = part(word(panel_names, p)."/", 2)
  note(x, y, order) = (low_x = x < low_x ? x : low_x, high_x = x > high_x ? x : high_x, \
                       low_y = y < low_y ? y : low_y, high_y = y > high_y ? y : high_y, \
                       order == 0 || has(orders, sprintf("%g", order)) ? 0 \
                           : (orders = orders.sprintf(" %g", order), 0))
  stats table using (in_panel(p) ? note(column(10), column(11), column(14)) : 0) nooutput
  if (high_x == 0) { low_x = 0.1; high_x = 1; low_y = 0.1; high_y = 1 }
  if (words(orders) == 0) { orders = "1" }
  set lmargin at screen across(left(p))
  set rmargin at screen across(right(p))
  set tmargin at screen up(top(p))
  set bmargin at screen up(bottom(p))
  set logscale xy
  set xrange [low_x / 1.5:high_x * 2.6]
  set yrange [low_y / 3:high_y * 5]
  log_axis = "x"; log_low = low_x / 1.5; log_high = high_x * 2.6; log_room = 5
  load plots."log_tics.gp"
  log_axis = "y"; log_low = low_y / 3; log_high = high_y * 5; log_room = 8
  load plots."log_tics.gp"
  set label sprintf("%s, %s noise", equation, noise_of(equation)) center font ",17" \
      at screen across((left(p) + right(p)) / 2), up(top(p) - 16)
  set label kind." error".(kind eq "strong" ? ",  E|x − X|" : ",  |E φ(x) − E φ(X)|") center rotate \
      at screen across(left(p) - 96), up((top(p) + bottom(p)) / 2)
  set label "step h (time)" center at screen across((left(p) + right(p)) / 2), up(bottom(p) + 52)
  # Reference lines meet at the data's corner and end beside it, in their names.
  corner(x, order) = high_y * (x / high_x) ** order
  bar_low(p) = column(11) - 1.96 * column(12) > low_y / 3 ? column(11) - 1.96 * column(12) \
                                                             : low_y / 3
  do for [k = 1:words(orders)] {
    set label word(orders, k) left textcolor rgb "#777777" offset 0.4, 0.7 * (k - 1) - 0.4 \
        at high_x * 1.6, corner(high_x * 1.6, real(word(orders, k)))
  }
  reference(x, k) = x < high_x * 1.6 ? corner(x, real(word(orders, k))) : NaN
  # Only the curves of this panel are looked for in the table.
  mine = ""
  do for [c = 1:curves] {
    if (panel_of(word(curve_names, c)) eq word(panel_names, p)) {
      mine = mine." ".word(curve_names, c)
    }
  }
  if (words(mine) == 0) {
    plot NaN
  } else {
    plot for [k = 1:words(orders)] reference(x, k) with lines \
           dashtype 2 linewidth 1 linecolor rgb "#777777", \
         for [curve in mine] table using \
           (is_point(curve) ? column(10) : NaN):11:(bar_low(p)):(column(11) + 1.96 * column(12)) \
           with yerrorbars pointtype 0 linewidth 1.2 linecolor rgb colour(scheme_of(curve)), \
         for [curve in mine] table using (is_point(curve) ? column(10) : NaN):11 with lines \
           linewidth 1.5 dashtype dash(curve) linecolor rgb colour(scheme_of(curve)), \
         for [curve in mine] table using \
           (is_point(curve) && strcol(13) eq "true" ? column(10) : NaN):11 \
           with points pointtype shape(scheme_of(curve)) pointsize size(scheme_of(curve)) \
           linecolor rgb colour(scheme_of(curve)), \
         for [curve in mine] table using \
           (is_point(curve) && strcol(13) eq "false" ? column(10) : NaN):11 \
           with points pointtype shape(scheme_of(curve)) - 1 pointsize size(scheme_of(curve)) \
           linewidth 1.5 linecolor rgb colour(scheme_of(curve))
  }
  # Title and legend belong to the whole sheet and are drawn once.
  unset label
  unset arrow
}
unset multiplot
unset output
