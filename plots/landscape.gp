# What optimizers descend in two dimensions: contours of the loss f with paths over it, and of
# f + rho R, one panel an optimizer, with their minima; as a gif the paths move. Run by
# experiments/pictures/plot.c in a folder inside the run's:
#   gnuplot -d -c landscape.gp TERMINAL PICTURE TITLE SDES COORDINATES
# landscape.csv, paths.csv, minima.csv
#                     the tables of the study; names in them are the program's own; the latter two
#                     may have no rows
# TERMINAL            svg, png, pdf, gif  PICTURE  the file to write
# TITLE               the recipe's title, already broken into lines: shown, never interpreted
# SDES                for each SDE of the run: "its name"; may be empty
# COORDINATES         what the parameters of the loss are called, separated by a space; may be empty

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ARG4
coordinates = ARG5
plots = ARG0[1:strlen(ARG0) - strlen("landscape.gp")]
load plots."style.gp"
table = "landscape.csv"
trails = "paths.csv"
lows = "minima.csv"
set datafile separator comma

coordinate(k) = words(coordinates) == 2 ? word(coordinates, k) : "x".subscript(sprintf("%d", k))

# Columns of all three: 1 optimizer, 2 micro_batch, 3 batch, 4 eta, 5 rho; a case is all of these.
# Then landscape.csv: 6 x, 7 y, 8 f, 9 effective; x runs slowest, and cases follow each other.
# paths.csv: 6 process, 7 sde, 8 path, 9 time, 10 x, 11 y. minima.csv: 6 function, 7 x, 8 y,
# 9 value, 12 flat. Values beyond 1e100 are not drawn.
most_cases = 8
most_paths = 5
most_levels = 13
shown(z) = abs(z) < 1e100 ? z : NaN
key(x) = strcol(1).":".strcol(2).":".strcol(3).":".strcol(4).":".strcol(5)

stats table skip 1 using (shown(column(6))) nooutput
rows = STATS_records + STATS_invalid
x_low = STATS_min
x_high = STATS_max
stats table skip 1 using (shown(column(7))) nooutput
y_low = STATS_min
y_high = STATS_max
array F[rows]
array E[rows]
cases = ""
last = ""
row = 0
note_case(k) = k eq last ? 0 : (last = k, cases = cases.k." ", 0)
note(k, f, e) = (row = row + 1, F[row] = shown(f), E[row] = shown(e), note_case(k))
stats table skip 1 using (note(key(0), column(8), column(9))) nooutput
all_cases = words(cases)
side = int(sqrt(rows / all_cases) + 0.5)
count = all_cases > most_cases ? most_cases : all_cases

# A case as the parts of its key: an empty one holds its place.
cut(k, part) = (from = 1, part > 1 ? sum [w = 2:part] (from = from + \
    strstrt(k[from:*], ":"), 0) : 0, to = strstrt(k[from:*], ":"), \
    to ? k[from:from + to - 2] : k[from:*])
part_of(c, p) = cut(word(cases, c), p)
same(p) = all_cases == sum [c = 1:all_cases] (part_of(c, p) eq part_of(1, p))
label_of(c) = part_of(c, 1).(part_of(c, 2) eq "" || part_of(c, 1) eq "usam" || \
    part_of(c, 1) eq "sam" ? "" : " m=".part_of(c, 2)). \
    (same(3) ? "" : ", b ".part_of(c, 3)). \
    (same(4) ? "" : sprintf(", η %g", number(part_of(c, 4)))). \
    (same(5) ? "" : sprintf(", ρ %g", number(part_of(c, 5))))
setting = (same(4) ? sprintf("learning rate η = %g   ", number(part_of(1, 4))) : ""). \
    (same(5) ? sprintf("radius ρ = %g   ", number(part_of(1, 5))) : ""). \
    (same(3) ? "batch b = ".part_of(1, 3)."   " : ""). \
    (all_cases > count ? sprintf("(%d more cases are not shown)", all_cases - count) : "")

# A table without rows is an error for stats, and only a warning for plot. The times of all paths are
# those of the first one.
paths = 0
last_time = 0
records = 0
note_path(k, t) = (paths = k + 1 > paths ? int(k + 1) : paths, \
    last_time = t > last_time ? t : last_time, \
    records = records + (key(0) eq word(cases, 1) && strcol(6) eq "iterates" && k == 0), NaN)
set table $none
plot [0:1] x, trails skip 1 using (note_path($8, $9)):(NaN)
unset table
paths = paths > most_paths ? most_paths : paths
spacing = records > 1 ? last_time / (records - 1) : 1

# The paths move in the first frames and rest in the others.
frames = terminal eq "gif" ? 36 : 1
moving = terminal eq "gif" ? 32 : 1
frame_delay = 12
until = last_time
is_past(t) = t <= until + 0.001 * spacing
is_head(t) = is_past(t) && t > until - 0.999 * spacing

colour(c) = case_colour(part_of(c, 1), part_of(c, 2), c, same(3) && same(4) && same(5))
shape(c) = shape_number(c)
point_size = 1.5 * mark

panels = count + 1
columns = panels < 3 ? panels : panels == 4 ? 2 : 3
lines = (panels + columns - 1) / columns
size = 400
left_margin = 75
gap = 30
below = 80
content = columns * (left_margin + size + gap)
width = content > least_width ? content : least_width
indent = (width - content) / 2
head = 30 * title_lines + 67
legend_text(k) = k <= count ? label_of(k).(paths == 0 ? "" : \
        sprintf(", iterates (thin: %s)", words(sdes) > 1 ? sde_name(0) : "SDE")) \
    : k == count + 1 ? "a minimum" : k == count + 2 ? "minima that fill a curve" \
    : k == count + 3 ? "the start" : "contours"
legend_entries = count + 4
longest = 0
do for [k = 1:legend_entries] {
  longest = strlen(legend_text(k)) > longest ? strlen(legend_text(k)) : longest
}
legend_columns = int((width - 80) / (60 + 9 * longest))
legend_columns = legend_columns < 1 ? 1 : legend_columns > 3 ? 3 : legend_columns
legend_lines = (legend_entries + legend_columns - 1) / legend_columns
legend_top = head + lines * (size + below + 35)
height = legend_top + 28 * legend_lines + 20
left(p) = indent + left_margin + ((p - 1) % columns) * (left_margin + size + gap)
top(p) = head + 35 + ((p - 1) / columns) * (size + below + 35)
legend_x(k) = 60 + (width - 80) / legend_columns * ((k - 1) % legend_columns)
legend_y(k) = legend_top + 10 + 28 * ((k - 1) / legend_columns)

# Contour levels double from one to the next, up to the highest point of the panel.
level(k) = low + (high - low) * 2.0 ** (k - most_levels)
value_of(panel, i) = panel == 1 ? F[i] : E[(panel - 2) * side * side + i]
at(panel, i, j) = value_of(panel, 1 + int(i + 0.5) * side + int(j + 0.5))
x_of(i) = x_low + (x_high - x_low) * i / (side - 1.0)
y_of(j) = y_low + (y_high - y_low) * j / (side - 1.0)
array lowest[panels]
array highest[panels]
set datafile separator whitespace
do for [p = 1:panels] {
  low = 1e300
  high = -1e300
  do for [i = 1:side * side] {
    z = value_of(p, i)
    low = z < low ? z : low
    high = z > high ? z : high
  }
  lowest[p] = low
  highest[p] = high
  levels = ""
  if (high > low && high < 1e100) {
    levels = sprintf("%.17g", level(1))
    do for [l = 2:most_levels - 1] { levels = levels.sprintf(",%.17g", level(l)) }
  }
  eval sprintf("set table $contours_%d", p)
  if (levels ne "") {
    set contour base
    unset surface
    eval "set cntrparam levels discrete ".levels
    set samples side
    set isosamples side
    set urange [0:side - 1]
    set vrange [0:side - 1]
    splot "++" using (x_of($1)):(y_of($2)):(at(p, $1, $2))
    unset contour
    set surface
  } else {
    set samples 2
    plot [0:1] x # rows without a third column: nothing is drawn
  }
  unset table
}
mine(c) = key(0) eq word(cases, c)

load plots."sheet.gp"
unset grid
unset colorbox
set palette defined (0 "#444444", 1 "#CCCCCC")

do for [frame = 1:frames] {
  if (frame > 1) { load plots."page.gp" }
  until = frame < moving ? last_time * frame / moving : last_time
  set label setting.(frames > 1 ? sprintf("time t = %.3g", until) : "") \
      at screen 0.5, up(30 * title_lines + 24) center textcolor rgb "#444444"
  set label "contours: height above the lowest point, doubled from each to the next" \
      at screen 0.5, up(30 * title_lines + 46) center textcolor rgb "#444444"

  # The legend, in rows below the panels.
  do for [k = 1:legend_entries] {
    set label legend_text(k) at screen across(legend_x(k) + 50), up(legend_y(k)) left
  }
  do for [c = 1:count] {
    set arrow from screen across(legend_x(c)), up(legend_y(c)) to screen across(legend_x(c) + 34), \
        up(legend_y(c)) nohead linewidth 2 linecolor rgb colour(c)
    set label at screen across(legend_x(c) + 34), up(legend_y(c)) point pointtype shape(c) \
        pointsize point_size linecolor rgb colour(c)
  }
  k = count + 1
  set label at screen across(legend_x(k) + 17), up(legend_y(k)) point pointtype 7 \
      pointsize 0.9 * point_size linecolor rgb "black"
  k = count + 2
  set label at screen across(legend_x(k) + 17), up(legend_y(k)) point pointtype 7 \
      pointsize 0.4 * point_size linecolor rgb "black"
  k = count + 3
  set label at screen across(legend_x(k) + 17), up(legend_y(k)) point pointtype 4 \
      pointsize point_size linewidth 2 linecolor rgb "black"
  k = count + 4
  set arrow from screen across(legend_x(k)), up(legend_y(k)) to screen across(legend_x(k) + 34), \
      up(legend_y(k)) nohead linewidth 1.5 linecolor rgb "#888888"

  do for [p = 1:panels] {
    low = lowest[p]
    high = highest[p]
    set border 15 linecolor rgb "#444444"
    set xtics out nomirror textcolor rgb "black"
    set ytics out nomirror textcolor rgb "black"
    set lmargin at screen across(left(p))
    set rmargin at screen across(left(p) + size)
    set tmargin at screen up(top(p))
    set bmargin at screen up(top(p) + size)
    set xrange [x_low:x_high]
    set yrange [y_low:y_high]
    set cbrange [0:most_levels]
    set label p == 1 ? "the loss f" : "f + ρR of ".label_of(p - 1) center \
        at screen across(left(p) + size / 2), up(top(p) - 16)
    set label "parameter ".coordinate(1) center \
        at screen across(left(p) + size / 2), up(top(p) + size + 58)
    set label "parameter ".coordinate(2) center rotate \
        at screen across(left(p) - 60), up(top(p) + size / 2)
    height_of(z) = z > low ? most_levels + log((z - low) / (high - low)) / log(2) : 0
    what = p == 1 ? "loss" : "effective"
    whose = p == 1 ? 1 : p - 1
    first_case = p == 1 ? 1 : p - 1
    last_case = p == 1 ? count : p - 1
    drawn = p == 1 ? (paths > 0 ? 1 : 0) : paths
    set datafile separator whitespace
    # The line outside of the panel is there for files without a point to draw.
    eval sprintf("plot 2 * y_high - y_low, ". \
        "$contours_%d using 1:2:(height_of($3)) with lines linewidth 1.5 linecolor palette", p)
    unset label
    unset arrow
    set datafile separator comma
    unset xtics
    unset ytics
    set border 0
    plot 2 * y_high - y_low, \
         lows skip 1 using (mine(whose) && strcol(6) eq what && $12 == 1 ? $7 : NaN):8 \
             with points pointtype 7 pointsize 0.4 * point_size linecolor rgb "black"
    is_drawn(c, k) = mine(c) && $8 == k && is_past($9)
    if (drawn > 0) {
      plot for [c = first_case:last_case] for [k = 0:(p == 1 ? -1 : drawn - 1)] trails skip 1 using \
               (is_drawn(c, k) && strcol(6) eq "sde" && strcol(7) eq "0" ? $10 : NaN):11 \
               with lines linewidth 0.7 linecolor rgb colour(c), \
           for [c = first_case:last_case] for [k = 0:drawn - 1] trails skip 1 using \
               (is_drawn(c, k) && strcol(6) eq "iterates" ? $10 : NaN):11 \
               with lines linewidth 1.6 linecolor rgb colour(c), \
           for [c = first_case:last_case] for [k = 0:drawn - 1] trails skip 1 using \
               (is_drawn(c, k) && strcol(6) eq "iterates" && is_head($9) ? $10 : NaN):11 \
               with points pointtype shape(c) pointsize point_size linecolor rgb colour(c), \
           trails skip 1 every ::0::0 using 10:11 with points pointtype 4 \
               pointsize point_size linewidth 2 linecolor rgb "black"
    }
    plot 2 * y_high - y_low, \
         lows skip 1 using (mine(whose) && strcol(6) eq what && $12 == 0 ? $7 : NaN):8 \
             with points pointtype 7 pointsize 0.9 * point_size linecolor rgb "black"
  }
  unset multiplot
}
unset output
