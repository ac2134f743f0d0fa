# Mean curves of the iterates and of their SDEs over time, with 95 % bands; one panel an observable.
# Run by experiments/plot.c in a folder that holds curves.dat:
#   gnuplot -d -c series.gp TERMINAL PICTURE TITLE SETTING TIMES PANELS CURVES
# curves.dat  one block (index) a curve of a panel, curves run fastest; rows: time mean low high
# TERMINAL    svg, png or pdf     PICTURE  the file to write
# TITLE       the recipe's title, already broken into lines: shown, never interpreted
# SETTING     the values that all curves share (learning rate, radius, batch, paths)
# TIMES       first time, last time, rows in the longest block
# PANELS      for each panel: observable, lowest value, highest value, 1 for a logarithmic axis
# CURVES      for each curve: "legend label", number of its optimizer, number of its process
#             (0 the iterates, 1 + k the SDE of index k); processes run slowest

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
plots = ARG0[1:strlen(ARG0) - strlen("series.gp")]
load plots."style.gp"
setting = ARG4
first_time = number(word(ARG5, 1))
last_time = number(word(ARG5, 2))
rows_of_block = int(word(ARG5, 3))
panels = words(ARG6) / 4
observable(p) = word(ARG6, 4 * p - 3)
low(p) = number(word(ARG6, 4 * p - 2))
high(p) = number(word(ARG6, 4 * p - 1))
logarithmic(p) = int(word(ARG6, 4 * p))
curves = words(ARG7) / 3
label(c) = word(ARG7, 3 * c - 2)
optimizer(c) = int(word(ARG7, 3 * c - 1))
process(c) = int(word(ARG7, 3 * c))
block(p, c) = (p - 1) * curves + c - 1

# Colour and shape of the marks tell the optimizer; the dash and the hollow marks tell the SDE.
colour(c) = colour_number(optimizer(c) + 1)
shape(c) = shape_number(optimizer(c) + 1) - (process(c) > 0)
dash(c) = process(c) == 0 ? 1 : 2 + (process(c) - 1) % 4
mark_size(c) = (process(c) == 0 ? 0.95 : hollow) * mark
do for [c = 1:curves] {
  set style line c linewidth dashed_width(2, dash(c)) linecolor rgb colour(c) dashtype dash(c) \
                   pointtype shape(c) pointsize mark_size(c)
}

# About five marks a curve, those of different curves at different times.
mark_step = rows_of_block < 10 ? 1 : rows_of_block / 5
mark_shift = mark_step < 8 ? 1 : mark_step / 8
mark_start(c) = (mark_shift * optimizer(c) + process(c) * (mark_step / 3)) % mark_step

# The legend: the curves of a process stand below one another, the processes side by side while
# there is room, then in a further band. Where there is one process only, its curves stand side by
# side.
width = 1400
array group[curves]
array line[curves]
longest = 0
lines_of_group = 0
key_of(c) = process(1) == process(curves) ? c : process(c)
do for [c = 1:curves] {
  begins = c == 1 || key_of(c) != key_of(c - 1)
  group[c] = c == 1 ? 0 : group[c - 1] + begins
  line[c] = begins ? 0 : line[c - 1] + 1
  lines_of_group = line[c] + 1 > lines_of_group ? line[c] + 1 : lines_of_group
  longest = strlen(label(c)) > longest ? strlen(label(c)) : longest
}
groups = group[curves] + 1
entry_width = 95 + 9 * longest
fitting = int((width - 40) / entry_width)
fitting = fitting < 1 ? 1 : fitting > groups ? groups : fitting
bands = (groups + fitting - 1) / fitting

# A narrow range far from zero needs more digits at its tics than the usual six.
size(p) = abs(low(p)) > abs(high(p)) ? abs(low(p)) : abs(high(p))
digits(p) = logarithmic(p) ? 6 : 2 + int(ceil(log10(size(p) / (high(p) - low(p)))))
most_digits = 6
do for [p = 1:panels] {
  most_digits = digits(p) > most_digits ? digits(p) : most_digits
}

# The sheet in pixels, from the top: title, setting, rows of panels, legend.
columns = panels == 1 ? 1 : panels % 3 == 0 || panels == 5 || panels > 8 ? 3 : 2
panel_rows = (panels + columns - 1) / columns
panel_width = width / columns
panel_height = columns == 1 ? 600 : panel_rows == 1 ? 440 : 360
head = 30 * title_lines + 50
legend_top = head + panel_rows * panel_height + 35
height = legend_top + (26 * lines_of_group + 14) * bands
column_of(p) = (p - 1) % columns
row_of(p) = (p - 1) / columns
margin = 49 + 11 * most_digits
left(p) = panel_width * column_of(p) + margin
right(p) = panel_width * (column_of(p) + 1) - 25
top(p) = head + panel_height * row_of(p) + 12
bottom(p) = head + panel_height * (row_of(p) + 1) - 55
legend_x(c) = (width - entry_width * fitting) / 2 + entry_width * (group[c] % fitting) + 20
legend_y(c) = legend_top + 26 * line[c] + (26 * lines_of_group + 14) * (group[c] / fitting)

load plots."sheet.gp"
set style fill transparent solid 0.18 noborder
set xrange [first_time:last_time]

set label setting.",  shaded: 95 % bands" at screen 0.5, up(30 * title_lines + 26) center \
    textcolor rgb "#444444"
do for [c = 1:curves] {
  set arrow from screen across(legend_x(c)), up(legend_y(c)) \
      to screen across(legend_x(c) + 50), up(legend_y(c)) nohead linestyle c
  set label at screen across(legend_x(c) + 25), up(legend_y(c)) \
      point linestyle c dashtype 1 linewidth 1.5
  set label label(c) at screen across(legend_x(c) + 62), up(legend_y(c)) left
}

do for [p = 1:panels] {
  set lmargin at screen across(left(p))
  set rmargin at screen across(right(p))
  set tmargin at screen up(top(p))
  set bmargin at screen up(bottom(p))
  unset logscale
  if (logarithmic(p)) { set logscale y }
  set yrange [low(p):high(p)]
  set format y sprintf("%%.%dg", most_digits)
  set label with_symbol("mean of ".observable(p), symbol(observable(p))) center rotate \
      at screen across(left(p) - margin + 23), up((top(p) + bottom(p)) / 2)
  if (p + columns > panels) {
    set label time_axis center at screen across((left(p) + right(p)) / 2), up(bottom(p) + 58)
  }
  plot for [c = 1:curves] "curves.dat" index block(p, c) using 1:3:4 with filledcurves \
         linecolor rgb colour(c), \
       for [c = 1:curves] "" index block(p, c) using 1:2 with lines linestyle c, \
       for [c = 1:curves] "" index block(p, c) using 1:2 every mark_step::mark_start(c) \
         with points linestyle c dashtype 1 linewidth 1.5
  # Title and legend belong to the whole sheet and are drawn once.
  unset label
  unset arrow
}
unset multiplot
unset output
