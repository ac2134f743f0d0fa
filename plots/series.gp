# Mean curves of the iterates and of their SDEs over time, with 95 % bands; one panel an observable.
# Run by experiments/pictures/plot_series.c in a folder that holds curves.dat:
#   gnuplot -d -c series.gp TERMINAL PICTURE TITLE SDES SETTING TIMES PANELS CURVES OPTIMIZERS
# curves.dat  one block (index) a curve of a panel, curves run fastest; rows: time mean low high
# TERMINAL    svg, png or pdf     PICTURE  the file to write
# TITLE       the recipe's title, already broken into lines: shown, never interpreted
# SDES        for each SDE of the run: "its name"; may be empty
# SETTING     the values that all curves share (learning rate, radius, batch, paths)
# TIMES       first time, last time, rows in the longest block
# PANELS      for each panel: observable, its index, from which time on, lowest value, highest
#             value, 1 for a logarithmic axis; all panels may come again over a part of the time
# CURVES      for each curve: index of its optimizer, number of its process (0 the iterates, 1 + k
#             the SDE of index k), paths that diverged; processes run slowest
# OPTIMIZERS  for each optimizer: "its name"

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ARG4
plots = ARG0[1:strlen(ARG0) - strlen("series.gp")]
load plots."style.gp"
setting = ARG5
first_time = number(word(ARG6, 1))
last_time = number(word(ARG6, 2))
rows_of_block = int(word(ARG6, 3))
panels = words(ARG7) / 6
observable(p) = word(ARG7, 6 * p - 5)
observable_index(p) = int(word(ARG7, 6 * p - 4))
from_time(p) = number(word(ARG7, 6 * p - 3))
low(p) = number(word(ARG7, 6 * p - 2))
high(p) = number(word(ARG7, 6 * p - 1))
logarithmic(p) = int(word(ARG7, 6 * p))
is_part(p) = observable_index(p) != p - 1
curves = words(ARG8) / 3
optimizer(c) = int(word(ARG8, 3 * c - 2))
process(c) = int(word(ARG8, 3 * c - 1))
diverged(c) = number(word(ARG8, 3 * c))
optimizers = words(ARG9)
block(p, c) = observable_index(p) * curves + c - 1

# Processes of this picture by their places in the legend.
processes = 0
array process_at[curves]
do for [c = 1:curves] {
  if (c == 1 || process(c) != process(c - 1)) {
    processes = processes + 1
    process_at[processes] = process(c)
  }
}
last_process = process_at[processes]
process_name(k) = k == 0 ? "iterates" : \
    words(sdes) == 0 && last_process == 1 ? "SDE" : sde_name(k - 1)

# Colour and shape of the marks tell the optimizer. Hollow marks and a dash tell the SDE: there are
# eight dashes, and from the fifth on the marks hold a dot.
colour(c) = name_colour(word(ARG9, optimizer(c) + 1), optimizer(c) + 1)
shape(c) = shape_number(optimizer(c) + 1) - (process(c) > 0)
dash_of(k) = k == 0 ? 1 : 2 + (k - 1) % 8
is_dotted(k) = k > 0 && (k - 1) % 8 > 3
size_of(k) = (k == 0 ? 1.15 : 1.2 * hollow) * mark
do for [c = 1:curves] {
  set style line c linewidth dashed_width(2, dash_of(process(c))) linecolor rgb colour(c) \
                   dashtype dash_of(process(c)) pointtype shape(c) pointsize size_of(process(c))
}

# About five marks a curve, those of different curves at different times.
mark_step(p) = (marks = is_part(p) ? 10 : 5, rows_of_block < 2 * marks ? 1 : rows_of_block / marks)
mark_start(p, c) = (step = mark_step(p), \
    ((step < 8 ? 1 : step / 8) * optimizer(c) + process(c) * (step / 3)) % step)

# The legend: optimizers by their colours, below them processes by their dashes, then which curves
# lost paths. Each of the three begins a row.
width = 1400
array loss[curves]
losses = 0
do for [c = 1:curves] {
  if (diverged(c) > 0) {
    losses = losses + 1
    loss[losses] = sprintf("%s, %s (%.10g diverged)", word(ARG9, optimizer(c) + 1), \
                           process_name(process(c)), diverged(c))
  }
}
longest_optimizer = 0
do for [k = 1:optimizers] { longest_optimizer = longer(longest_optimizer, word(ARG9, k)) }
longest_process = 0
do for [k = 1:processes] { longest_process = longer(longest_process, process_name(process_at[k])) }
longest_loss = 0
do for [k = 1:losses] { longest_loss = longer(longest_loss, loss[k]) }
# Many dashes need long samples, with the mark behind the dash.
sample = last_process > 4 ? 130 : 50
mark_at = last_process > 4 ? sample - 8 : sample / 2
row_width(count, length) = count * (sample + 45 + 9 * length)
fitting(length, count) = (most = int((width - 40) / row_width(1, length)), \
    most < 1 ? 1 : most > count ? (count < 1 ? 1 : count) : most)
optimizer_columns = fitting(longest_optimizer, optimizers)
process_columns = fitting(longest_process, processes)
loss_columns = fitting(longest_loss, losses)
# Where the columns of the first two can be the same they are.
common = longest_optimizer > longest_process ? longest_optimizer : longest_process
if (fitting(common, optimizers) == optimizers && fitting(common, processes) == processes) {
  longest_optimizer = common
  longest_process = common
}
optimizer_lines = (optimizers + optimizer_columns - 1) / optimizer_columns
process_lines = (processes + process_columns - 1) / process_columns
loss_lines = (losses + loss_columns - 1) / loss_columns

# A narrow range far from zero needs more digits at its tics than the usual six.
size(p) = abs(low(p)) > abs(high(p)) ? abs(low(p)) : abs(high(p))
digits(p) = logarithmic(p) ? 6 : 2 + int(ceil(log10(size(p) / (high(p) - low(p)))))
most_digits = 6
do for [p = 1:panels] {
  most_digits = digits(p) > most_digits ? digits(p) : most_digits
}

# Room for the tics' labels: sign, digits before the point, those after it in a step of the axis.
before(p) = size(p) < 10 ? 1 : 1 + int(floor(log10(size(p))))
after(p) = (places = -int(floor(log10((high(p) - low(p)) / 8))), places > 0 ? 1 + places : 0)
characters(p) = logarithmic(p) ? 6 : (low(p) < 0) + before(p) + after(p)
most_characters = 6
do for [p = 1:panels] {
  most_characters = characters(p) > most_characters ? characters(p) : most_characters
}
most_characters = most_characters > most_digits + 6 ? most_digits + 6 : most_characters

# The sheet in pixels, from the top: title, setting, rows of panels, legend.
whole = is_part(panels) ? panels / 2 : panels
columns = whole == 1 ? 1 : whole % 3 == 0 || whole == 5 || whole > 8 ? 3 : 2
whole_rows = (whole + columns - 1) / columns
panel_rows = is_part(panels) ? 2 * whole_rows : whole_rows
panel_width = width / columns
panel_height = panels == 1 ? 600 : panel_rows == 1 ? 440 : panel_rows == 2 ? 400 : 360
# The panels over a part of the time stand apart.
apart = is_part(panels) ? 24 : 0
head = 30 * title_lines + 50
legend_top = head + panel_rows * panel_height + apart + 35
height = legend_top + 26 * (optimizer_lines + process_lines + loss_lines) + 14
column_of(p) = observable_index(p) % columns
row_of(p) = observable_index(p) / columns + (is_part(p) ? whole_rows : 0)
margin = 52 + 10 * most_characters
left(p) = panel_width * column_of(p) + margin
right(p) = panel_width * (column_of(p) + 1) - 25
row_top(p) = head + panel_height * row_of(p) + (is_part(p) ? apart : 0)
top(p) = row_top(p) + 12
bottom(p) = row_top(p) + panel_height - 55
greater(a, b) = a > b ? a : b
legend_width = greater(row_width(optimizer_columns, longest_optimizer), \
    greater(row_width(process_columns, longest_process), \
            losses > 0 ? row_width(loss_columns, longest_loss) : 0))
entry_x(k, count, longest) = (width - legend_width) / 2 + 20 + \
    row_width(1, longest) * ((k - 1) % count)
entry_y(k, count, line) = legend_top + 26 * (line + (k - 1) / count)

load plots."sheet.gp"
set style fill transparent solid 0.18 noborder

set label setting.",  shaded: 95 % bands" at screen 0.5, up(30 * title_lines + 26) center \
    textcolor rgb "#444444"
do for [k = 1:optimizers] {
  x = entry_x(k, optimizer_columns, longest_optimizer)
  y = entry_y(k, optimizer_columns, 0)
  set arrow from screen across(x), up(y) to screen across(x + sample), up(y) nohead linewidth 2 \
      linecolor rgb name_colour(word(ARG9, k), k)
  set label at screen across(x + mark_at), up(y) point pointtype shape_number(k) \
      pointsize size_of(0) linecolor rgb name_colour(word(ARG9, k), k)
  set label word(ARG9, k) at screen across(x + sample + 12), up(y) left
}
do for [k = 1:processes] {
  x = entry_x(k, process_columns, longest_process)
  y = entry_y(k, process_columns, optimizer_lines)
  dash = dash_of(process_at[k])
  set arrow from screen across(x), up(y) to screen across(x + sample), up(y) nohead \
      linewidth dashed_width(2, dash) dashtype dash linecolor rgb dark
  set label at screen across(x + mark_at), up(y) point pointtype process_at[k] == 0 ? 7 : 6 \
      pointsize size_of(process_at[k]) linewidth 1.5 linecolor rgb dark
  if (is_dotted(process_at[k])) {
    set label at screen across(x + mark_at), up(y) point pointtype 7 pointsize 0.4 * mark \
        linecolor rgb dark
  }
  set label process_name(process_at[k]) at screen across(x + sample + 12), up(y) left
}
do for [k = 1:losses] {
  set label loss[k] left \
      at screen across(entry_x(k, loss_columns, longest_loss) + sample + 12), \
         up(entry_y(k, loss_columns, optimizer_lines + process_lines))
}

do for [p = 1:panels] {
  set lmargin at screen across(left(p))
  set rmargin at screen across(right(p))
  set tmargin at screen up(top(p))
  set bmargin at screen up(bottom(p))
  unset logscale
  set ytics autofreq
  if (logarithmic(p)) {
    set logscale y
    log_axis = "y"; log_low = low(p); log_high = high(p); log_room = 8
    load plots."log_tics.gp"
  }
  set xrange [is_part(p) ? from_time(p) : first_time:last_time]
  set yrange [low(p):high(p)]
  set format y sprintf("%%.%dg", most_digits)
  set label with_symbol("mean of ".observable(p), symbol(observable(p))) center rotate \
      at screen across(left(p) - margin + 23), up((top(p) + bottom(p)) / 2)
  if (observable_index(p) + columns >= whole) {
    set label time_axis.(is_part(p) ? ",  second half" : "") center \
        at screen across((left(p) + right(p)) / 2), up(bottom(p) + 58)
  }
  plot for [c = 1:curves] "curves.dat" index block(p, c) using 1:3:4 with filledcurves \
         linecolor rgb colour(c), \
       for [c = 1:curves] "" index block(p, c) using 1:2 with lines linestyle c, \
       for [c = 1:curves] "" index block(p, c) using 1:2 every mark_step(p)::mark_start(p, c) \
         with points linestyle c dashtype 1 linewidth 1.5, \
       for [c = 1:curves] "" index block(p, c) \
         using 1:(is_dotted(process(c)) ? $2 : NaN) every mark_step(p)::mark_start(p, c) \
         with points pointtype 7 pointsize 0.4 * mark linecolor rgb colour(c)
  # Title and legend belong to the whole sheet and are drawn once.
  unset label
  unset arrow
}
unset multiplot
unset output
