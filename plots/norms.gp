# The mean length of the gradient of a batch of s against s: measured, exact, by the Gaussian
# closure, and its floor; below, how far the first two are from the closure. Run by
# experiments/pictures/plot.c in a folder inside the run's:
#   gnuplot -d -c norms.gp TERMINAL PICTURE TITLE
# norms.csv        the table of the study; all numbers
# TERMINAL            svg, png or pdf     PICTURE  the file to write
# TITLE               the recipe's title, already broken into lines: shown, never interpreted

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ""
plots = ARG0[1:strlen(ARG0) - strlen("norms.gp")]
load plots."style.gp"
table = "norms.csv"
set datafile separator comma

# Columns: 1 size, 2 mean, 3 se, 4 exact, 5 gaussian, 6 full_gradient, 7 n. Sizes ascend; exact is
# empty where it is not known; a $4 there would make the whole row invalid, column(4) does not.
# Beyond 1e100 gnuplot's tics would leave the range of double: such values are not drawn. A tic that
# would touch the one before has no label.
shown(y) = abs(y) < 1e100 ? y : NaN
measured_of(y, se) = abs(y) + 1.96 * se < 1e100 ? y : NaN
exact(x) = strcol(4) eq "" ? NaN : shown(column(4))
rows = 0
finest = 0
coarsest = 0
labelled = 0
low = 1e300
high = -1e300
full = 0
some_exact = 0
draws = 0
note_range(y) = abs(y) < 1e100 ? \
    (low = y < low ? y : low, high = y > high ? y : high, 0) : 0
note_row(s, y, se, g, floor, n) = (finest = rows ? finest : s, coarsest = s, rows = rows + 1, \
    full = floor, draws = n > draws ? n : draws, \
    note_range(y - 1.96 * se), note_range(y + 1.96 * se), note_range(g), note_range(floor))
note_exact(y) = abs(y) < 1e100 ? (some_exact = 1, note_range(y)) : 0
stats table skip 1 using (note_row($1, $2, $3, $5, $6, $7) + note_exact(exact(0))) nooutput

span = log(coarsest / finest) / log(2) + 1.5
tics = ""
note_tic(s) = labelled > 0 && log(s / labelled) / log(2) < 0.05 * span ? 0 : \
    (labelled = s, tics = tics.sprintf(" %.0f", s), 0)
stats table skip 1 using (note_tic($1)) nooutput
if (high < low) {
  low = 0
  high = 1
}
if (high - low < 1e-100 || high - low < 1e-9 * high) {
  low = low - (high > 1e-100 ? 0.1 * high : 1)
  high = high + (high > 1e-100 ? 0.1 * high : 1)
}
margin = 0.06 * (high - low)

measured = blue
exactly = vermilion
closure = green
point_size = 1.2 * mark

width = least_width
head = 30 * title_lines + 50
lower_top = head + 430
legend_top = lower_top + 270
height = legend_top + 80

load plots."sheet.gp"
set lmargin at screen across(110)
set rmargin at screen across(width - 30)
set logscale x 2
set xrange [finest / 1.4 : coarsest * 1.4]
set xtics ()
do for [k = 1:words(tics)] { set xtics add (word(tics, k) number(word(tics, k))) }
set format y "%g"

set label \
    sprintf("mean length of the gradient gᵧ of a batch γ of s, at the start;  %.10g draws", draws) \
    at screen 0.5, up(30 * title_lines + 26) center textcolor rgb "#444444"

# The legend: a sample of each mark and its text, in a row below the panels.
legend_y = legend_top + 30
legend_x(k) = 60 + 260 * (k - 1)
set label at screen across(legend_x(1) + 15), up(legend_y) point pointtype 7 pointsize point_size \
    linecolor rgb measured
set arrow from screen across(legend_x(1) + 15), up(legend_y - 9) \
    to screen across(legend_x(1) + 15), up(legend_y + 9) nohead linewidth 1.5 linecolor rgb measured
set label "measured, bars: 95 %" at screen across(legend_x(1) + 40), up(legend_y) left
set arrow from screen across(legend_x(2)), up(legend_y) to screen across(legend_x(2) + 30), \
    up(legend_y) nohead linewidth 2 dashtype 4 linecolor rgb closure
set label "Gaussian closure" at screen across(legend_x(2) + 40), up(legend_y) left
set arrow from screen across(legend_x(3)), up(legend_y) to screen across(legend_x(3) + 30), \
    up(legend_y) nohead linewidth 2 dashtype 2 linecolor rgb "#444444"
set label "‖g‖, full gradient" at screen across(legend_x(3) + 40), up(legend_y) left
if (some_exact) {
  set arrow from screen across(legend_x(4)), up(legend_y) to screen across(legend_x(4) + 30), \
      up(legend_y) nohead linewidth 2 linecolor rgb exactly
  set label at screen across(legend_x(4) + 15), up(legend_y) point pointtype 6 \
      pointsize 1.6 * point_size linecolor rgb exactly
  set label "exact" at screen across(legend_x(4) + 40), up(legend_y) left
}

set yrange [low - margin : high + margin]
set tmargin at screen up(head + 12)
set bmargin at screen up(lower_top - 42)
set label "mean length E‖gᵧ‖" center rotate at screen across(25), up((head + lower_top - 30) / 2)
plot shown(full) with lines linewidth 2 dashtype 2 linecolor rgb "#444444", \
     table skip 1 using 1:(shown($5)) with lines linewidth 2 dashtype 4 linecolor rgb closure, \
     "" skip 1 using 1:(exact(0)) with linespoints linewidth 2 pointtype 6 \
         pointsize 1.6 * point_size linecolor rgb exactly, \
     "" skip 1 using 1:(measured_of($2, $3)):(1.96 * $3) with yerrorbars pointtype 7 \
         pointsize point_size linewidth 1.5 linecolor rgb measured
# Title and legend belong to the whole sheet and are drawn once.
unset label
unset arrow

# Rounding errors would only lengthen the tics.
rounded(percent) = abs(percent) < 1e-9 ? 0 : percent
off(y, g) = g > 0 && g < 1e100 ? rounded(100 * (y / g - 1)) : NaN
set autoscale y
set offsets 0, 0, graph 0.05, graph 0.05
set tmargin at screen up(lower_top + 12)
set bmargin at screen up(legend_top - 65)
set label "above the closure, %" center rotate at screen across(25), \
    up((lower_top + legend_top - 65) / 2)
set label "size s of the batch or micro-batch γ" center at screen 0.5, up(legend_top - 6)
plot 0 with lines linewidth 2 dashtype 4 linecolor rgb closure, \
     table skip 1 using 1:(off(exact(0), $5)) with linespoints linewidth 2 pointtype 6 \
         pointsize 1.6 * point_size linecolor rgb exactly, \
     "" skip 1 using 1:(off($2, $5)):(rounded(196 * $3 / $5)) with yerrorbars pointtype 7 \
         pointsize point_size linewidth 1.5 linecolor rgb measured
unset multiplot
unset output
