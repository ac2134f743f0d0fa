# Weak error against eta or rho, both axes logarithmic, with dashed lines of whole slopes; one panel
# an observable and axis.
# Run by experiments/pictures/plot.c in a folder that holds order.csv:
#   gnuplot -d -c order.gp TERMINAL PICTURE TITLE SDES
# order.csv   a row a point (its header names the columns)
# TERMINAL    svg, png or pdf     PICTURE  the file to write
# TITLE       the recipe's title, already broken into lines: shown, never interpreted
# SDES        for each SDE of the run: "its name"; may be empty
# Filled marks are resolved points, hollow ones are not and were not fitted; bars are +- 1.96 se.

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ARG4
plots = ARG0[1:strlen(ARG0) - strlen("order.gp")]
load plots."style.gp"
table = "order.csv"
set datafile separator comma
set datafile columnheaders

# Panels and curves in the order of the table. Names hold no spaces but where they are quoted.
panel_names = ""
curve_names = ""
has(list, name) = sum [i = 1:words(list)] (word(list, i) eq name)
panel_key(observable, versus) = observable."/".versus
variant(optimizer, m) = strlen(m) ? optimizer."_m=".m : optimizer
fixed(versus, eta, rho) = versus eq "eta" ? "ρ=".rho : "η=".eta
curve_key(optimizer, m, b, sde, versus, eta, rho) = \
    variant(optimizer, m).",_b=".b.",_".fixed(versus, eta, rho).",_SDE_".sde
key_of_row(x) = curve_key(strcol(1), strcol(2), strcol(3), strcol(4), strcol(6), strcol(7), \
                          strcol(8))
add_panel(name) = has(panel_names, name) ? 0 : (panel_names = panel_names." ".name, 0)
add_curve(name) = has(curve_names, name) ? 0 : (curve_names = curve_names." ".name, 0)
x_of_row(p) = strcol(6) eq "eta" ? column(7) : column(8)
stats table using (add_panel(panel_key(strcol(5), strcol(6))), add_curve(key_of_row(0)), 0) \
      nooutput
panels = words(panel_names)
curves = words(curve_names)
in_panel(p) = panel_key(strcol(5), strcol(6)) eq word(panel_names, p)
is_drawn(p) = in_panel(p) && column(9) > 0
is_point(p, c) = is_drawn(p) && key_of_row(0) eq word(curve_names, c)

# A colour, a dash and a size of marks a case, a shape an SDE.
case_names = ""
case_of(c) = word(curve_names, c)[1:strstrt(word(curve_names, c), ",_SDE_") - 1]
sde_of(c) = int(word(curve_names, c)[strstrt(word(curve_names, c), ",_SDE_") + 6:*])
do for [c = 1:curves] {
  if (!has(case_names, case_of(c))) { case_names = case_names." ".case_of(c) }
}
case_index(c) = sum [i = 1:words(case_names)] (word(case_names, i) eq case_of(c) ? i : 0)
rule_of_case(k) = (name = word(case_names, k), cut_at = strstrt(name, ",_"), \
    name = name[1:cut_at - 1], sign = strstrt(name, "_m="), sign ? name[1:sign - 1] : name)
size_of_case(k) = (name = word(case_names, k), sign = strstrt(name, "_m="), \
    sign ? name[sign + 3:strstrt(name, ",_") - 1] : "")
twins(k) = sum [i = 1:words(case_names)] (rule_of_case(i) eq rule_of_case(k) && \
    size_of_case(i) eq size_of_case(k))
colour_of_case(k) = case_colour(rule_of_case(k), size_of_case(k), k, twins(k) == 1)
colour(c) = colour_of_case(case_index(c))
dash_of_case(k) = (k - 1) % 5 + 1
dash(c) = dash_of_case(case_index(c))
shape(c) = shape_number(sde_of(c) + 1)
# Cases often lie on one another: the marks of later ones are smaller.
point_size = 1.4 * mark
smaller = words(case_names) > 1 ? 0.55 / (words(case_names) - 1) : 0
size(c) = point_size * (1 - smaller * (case_index(c) - 1))
spaced(name) = (strstrt(name, "_") == 0 ? name : \
                name[1:strstrt(name, "_") - 1]." ".spaced(name[strstrt(name, "_") + 1:*]))

# The legend: cases by their colours, then SDEs by their shapes.
sde_count = 0
do for [c = 1:curves] { sde_count = sde_of(c) + 1 > sde_count ? sde_of(c) + 1 : sde_count }
cases = words(case_names)
entries = cases + (sde_count > 1 ? sde_count : 0)
case_label(k) = spaced(word(case_names, k))
entry(k) = k <= cases ? case_label(k) : sde_name(k - cases - 1)
longest = 0
do for [k = 1:entries] { longest = strlen(entry(k)) > longest ? strlen(entry(k)) : longest }

# The sheet in pixels, from the top: title, panels, legend.
width = 1400
columns = panels == 1 ? 1 : panels % 3 == 0 || panels > 8 ? 3 : 2
panel_rows = (panels + columns - 1) / columns
panel_width = width / columns
panel_height = columns == 1 ? 640 : 470
head = 30 * title_lines + 50
fitting = (width - 60) / (50 + 9 * longest)
legend_columns = fitting < 1 ? 1 : fitting > 4 ? 4 : fitting
case_lines = (cases + legend_columns - 1) / legend_columns
legend_lines = case_lines + (entries - cases + legend_columns - 1) / legend_columns
legend_top = head + panel_rows * panel_height + 30
height = legend_top + 26 * legend_lines + 20
left(p) = panel_width * ((p - 1) % columns) + 110
right(p) = panel_width * ((p - 1) % columns + 1) - 80
top(p) = head + panel_height * ((p - 1) / columns) + 12
bottom(p) = head + panel_height * ((p - 1) / columns + 1) - 60

load plots."sheet.gp"
set label "filled: resolved and fitted,  hollow: not clear of sampling or the scheme's error; ". \
          " thin and grey: slopes 1 and 2,  bars: 95 %" \
    at screen 0.5, up(30 * title_lines + 26) center textcolor rgb "#444444"
do for [k = 1:entries] {
  of_sde = k > cases
  place = of_sde ? k - cases : k
  legend_x = 110 + (width - 130) / legend_columns * ((place - 1) % legend_columns)
  legend_y = legend_top + 26 * ((place - 1) / legend_columns + (of_sde ? case_lines : 0))
  set label entry(k) at screen across(legend_x + 26), up(legend_y) left
  if (of_sde) {
    set label "" at screen across(legend_x), up(legend_y) point pointsize point_size \
        pointtype shape_number(place) linecolor rgb "#444444"
  } else {
    set arrow from screen across(legend_x - 24), up(legend_y) \
        to screen across(legend_x + 18), up(legend_y) nohead linewidth 2 \
        dashtype dash_of_case(place) linecolor rgb colour_of_case(place)
  }
}

do for [p = 1:panels] {
  low_x = 1e300; high_x = 0; low_y = 1e300; high_y = 0; tics = ""
  note(x, y) = (low_x = x < low_x ? x : low_x, high_x = x > high_x ? x : high_x, \
                low_y = y < low_y ? y : low_y, high_y = y > high_y ? y : high_y, \
                has(tics, sprintf("%.3g", x)) ? 0 : (tics = tics.sprintf(" %.3g", x), 0))
  stats table using (is_drawn(p) ? note(x_of_row(p), column(9)) : 0) nooutput
  if (high_x == 0) { low_x = 0.1; high_x = 1; low_y = 0.1; high_y = 1 }
  # The lines of whole slopes cross in the middle and end inside of the panel, beside their names.
  middle_y = sqrt(low_y * high_y)
  reference(x, slope) = middle_y * (x / sqrt(low_x * high_x)) ** slope
  bottom_y = low_y / 3 < reference(low_x / 1.3, 2) ? low_y / 3 : reference(low_x / 1.3, 2)
  top_y = high_y * 3 > reference(high_x * 1.3, 2) ? high_y * 3 : reference(high_x * 1.3, 2)
  set lmargin at screen across(left(p))
  set rmargin at screen across(right(p))
  set tmargin at screen up(top(p))
  set bmargin at screen up(bottom(p))
  set logscale xy
  set xrange [low_x / 1.3:high_x * 1.3]
  set yrange [bottom_y:top_y]
  log_axis = "y"; log_low = bottom_y; log_high = top_y; log_room = 8
  load plots."log_tics.gp"
  log_axis = "x"; log_low = low_x / 1.3; log_high = high_x * 1.3; log_room = 8
  load plots."log_tics.gp"
  if (words(tics) <= 8) {
    set xtics ()
    do for [tic in tics] { set xtics add (tic number(tic)) }
  }
  name = word(panel_names, p)
  slash = strstrt(name, "/")
  quantity = name[1:slash - 1]
  set label with_symbol("weak error of ".quantity, \
      symbol(quantity) eq "" ? "" : "|Δ ".symbol(quantity)."|") center rotate \
      at screen across(left(p) - 88), up((top(p) + bottom(p)) / 2)
  set label name[slash + 1:*] eq "eta" ? "learning rate η" : "radius ρ" center \
      at screen across((left(p) + right(p)) / 2), up(bottom(p) + 57)
  bar_low(p, c) = column(9) - 1.96 * column(10) > bottom_y ? column(9) - 1.96 * column(10) \
                                                           : bottom_y
  do for [slope = 1:2] {
    set label sprintf("slope %d", slope) left textcolor rgb "#777777" offset 0.5, 0 \
        at high_x * 1.3, reference(high_x * 1.3, slope)
  }
  plot for [slope = 1:2] reference(x, slope) with lines dashtype 2 linewidth 1 \
         linecolor rgb "#777777", \
       for [c = 1:curves] table using \
         (is_point(p, c) ? x_of_row(p) : NaN):9:(bar_low(p, c)):(column(9) + 1.96 * column(10)) \
         with yerrorbars pointtype 0 linewidth 1.2 linecolor rgb colour(c), \
       for [c = 1:curves] table using (is_point(p, c) ? x_of_row(p) : NaN):9 with lines \
         linewidth 1.5 dashtype dash(c) linecolor rgb colour(c), \
       for [c = 1:curves] table using \
         (is_point(p, c) && strcol(15) eq "true" ? x_of_row(p) : NaN):9 \
         with points pointtype shape(c) pointsize size(c) linecolor rgb colour(c), \
       for [c = 1:curves] table using \
         (is_point(p, c) && strcol(15) eq "false" ? x_of_row(p) : NaN):9 \
         with points pointtype shape(c) - 1 pointsize hollow * size(c) linewidth 1.5 \
         linecolor rgb colour(c)
  # Title and legend belong to the whole sheet and are drawn once.
  unset label
  unset arrow
}
unset multiplot
unset output
