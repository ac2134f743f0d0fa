# Measured coefficients of a regulariser against 1/m, over rho, beside the predicted ones; below,
# how far they are off. Run by experiments/pictures/plot.c in a folder inside the run's:
#   gnuplot -d -c regularizer.gp TERMINAL PICTURE TITLE
# regularizer.csv  the table of the study; names in it are the program's own
# TERMINAL            svg, png or pdf     PICTURE  the file to write
# TITLE               the recipe's title, already broken into lines: shown, never interpreted

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ""
plots = ARG0[1:strlen(ARG0) - strlen("regularizer.gp")]
load plots."style.gp"
table = "regularizer.csv"
set datafile separator comma

# Columns: 1 optimizer, 2 micro_batch, 3 batch, 4 eta, 5 rho, 6 coefficient, 7 se, 8 predicted, 9 n.
# A curve is an optimizer at one radius and batch. Where 0 is predicted there is nothing to draw on
# a logarithmic axis: such rows are written out.
optimizers = " "
radii = " "
sizes = " "
curves = " "
curve_optimizer = ""
curve_radius = ""
curve_batch = ""
zeros = ""
low = 1e300
high = 0
finest = 1e300
coarsest = 0
place(list, name) = sum [w = 1:words(list)] (word(list, w) eq name ? w : 0)
add(list, name) = place(list, name) ? list : list.name." "
note_zero(name, m, rho, c, se) = (zeros = zeros.(zeros eq "" ? "" : ",   ").sprintf( \
    "%s%s at ρ = %g: %.2g ± %.2g", name, m eq "" ? "" : " m=".m, rho, c / rho, 1.96 * se / rho), 0)
note_curve(name, rho, b) = place(curves, name.":".rho.":".b) ? 0 : ( \
    curves = curves.name.":".rho.":".b." ", curve_optimizer = curve_optimizer.name." ", \
    curve_radius = curve_radius.rho." ", curve_batch = curve_batch.b." ", 0)
note_range(m, y) = y <= 0 ? 0 : (low = y < low ? y : low, high = y > high ? y : high, \
    finest = m < finest ? m : finest, coarsest = m > coarsest ? m : coarsest, 0)
note_point(name, m, rho, b) = (optimizers = add(optimizers, name), radii = add(radii, rho), \
    sizes = add(sizes, m), note_curve(name, rho, b))
note_row(name, m, rho, b, c, se, predicted) = predicted == 0 || m eq "" ? \
    note_zero(name, m, number(rho), c, se) : (note_range(int(m), c / number(rho)), \
    note_range(int(m), predicted / number(rho)), note_point(name, m, rho, b))
stats table skip 1 using (note_row(strcol(1), strcol(2), strcol(5), strcol(3), $6, $7, $8)) nooutput
count = words(curves)

# A colour and a dash an optimizer, a shape a curve.
colour(c) = case_colour(word(curve_optimizer, c), "", place(optimizers, word(curve_optimizer, c)), 1)
dash(c) = (place(optimizers, word(curve_optimizer, c)) - 1) % 5 + 1
shape(c) = shape_number(c) - (c > words(filled_shapes))
point_size = 1.2 * mark

# Curves of one optimizer fall together: a little to the side of each other they can all be seen.
spread = count > 12 ? 0.5 / count : 0.04
side(c) = 2 ** (spread * (c - (count + 1) / 2.0))
mine(c) = strcol(1) eq word(curve_optimizer, c) && strcol(5) eq word(curve_radius, c) \
          && strcol(3) eq word(curve_batch, c) && strcol(2) ne "" && $8 != 0
at(c) = side(c) / $2

width = least_width
zero_lines = zeros eq "" ? 0 : 1
head = 30 * title_lines + 50
legend_columns = 4
legend_lines = (count + legend_columns - 1) / legend_columns
lower_top = head + 470
legend_top = lower_top + 300
height = legend_top + 26 * legend_lines + 30 * zero_lines + 20

load plots."sheet.gp"
set lmargin at screen across(110)
set rmargin at screen across(width - 30)
set logscale x 2
set xtics ()
do for [k = 1:words(sizes)] {
  set xtics add ((word(sizes, k) eq "1" ? "1" : "1/".word(sizes, k)) 1.0 / int(word(sizes, k)))
}
if (coarsest > 0) { set xrange [0.8 / coarsest : 1.25 / finest] }

set label "coefficient of ∇tr V (sam, n-sam, m-sam: of ∇E‖g‖) over ρ;  ". \
    "lines: predicted, marks: measured, bars: 95 %" \
    at screen 0.5, up(30 * title_lines + 26) center textcolor rgb "#444444"
do for [c = 1:count] {
  x = 60 + (width - 80) / legend_columns * ((c - 1) % legend_columns)
  y = legend_top + 26 * ((c - 1) / legend_columns)
  set label at screen across(x + 20), up(y) point pointtype shape(c) pointsize point_size \
      linecolor rgb colour(c)
  set arrow from screen across(x), up(y) to screen across(x + 40), up(y) nohead linewidth 2 \
      dashtype dash(c) linecolor rgb colour(c)
  set label word(curve_optimizer, c).", b=".word(curve_batch, c).", ρ=". \
      sprintf("%g", number(word(curve_radius, c))) \
      at screen across(x + 50), up(y) left
}
if (zero_lines) {
  set label "predicted 0:   ".zeros left \
      at screen across(60), up(legend_top + 26 * legend_lines + 12)
}

set logscale y
set format y "%g"
if (high > 0) {
  set yrange [low / 1.5 : high * 1.5]
  log_axis = "y"; log_low = low / 1.5; log_high = high * 1.5; log_room = 10
  load plots."log_tics.gp"
}
set tmargin at screen up(head + 12)
set bmargin at screen up(lower_top - 42)
set label "coefficient over ρ" center rotate at screen across(25), up((head + lower_top - 30) / 2)
plot for [c = 1:count] table skip 1 using (mine(c) ? 1.0 / $2 : NaN):($8 / $5) with lines \
         linewidth 2 dashtype dash(c) linecolor rgb colour(c), \
     for [c = 1:count] "" skip 1 using (mine(c) ? at(c) : NaN):($6 / $5):(1.96 * $7 / $5) \
         with yerrorbars pointtype shape(c) pointsize point_size linewidth 1.5 \
         linecolor rgb colour(c)
# Title and legend belong to the whole sheet and are drawn once.
unset label
unset arrow

unset logscale y
set autoscale y
set ytics autofreq
set offsets 0, 0, graph 0.05, graph 0.05
set tmargin at screen up(lower_top + 12)
set bmargin at screen up(legend_top - 85)
set label "measured − predicted, %" center rotate \
    at screen across(25), up((lower_top + legend_top - 85) / 2)
set label "1/m, one over the size of the micro-batch" center at screen 0.5, up(legend_top - 26)
plot 0 with lines linewidth 1.5 linecolor rgb "#444444", \
     for [c = 1:count] table skip 1 using (mine(c) ? at(c) : NaN):(100 * ($6 / $8 - 1)): \
         (196 * $7 / $8) with yerrorbars pointtype shape(c) pointsize point_size linewidth 1.5 \
         linecolor rgb colour(c)
unset multiplot
unset output
