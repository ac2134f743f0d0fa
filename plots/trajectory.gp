# Single random paths, light, under the mean and the middle 90 % of all paths: a column of panels for
# each case, a row for each observable. Run by experiments/pictures/plot.c in a folder inside the run's:
#   gnuplot -d -c trajectory.gp TERMINAL PICTURE TITLE SDES
# quantiles.csv, trajectory.csv, series.csv  the tables of the study; names in them are the program's own
# TERMINAL            svg, png or pdf     PICTURE  the file to write
# TITLE               the recipe's title, already broken into lines: shown, never interpreted
# SDES                for each SDE of the run: "its name"; may be empty

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ARG4
plots = ARG0[1:strlen(ARG0) - strlen("trajectory.gp")]
load plots."style.gp"
spread = "quantiles.csv"
paths = "trajectory.csv"
means = "series.csv"
set datafile separator comma

# Columns of all three: 1 optimizer, 2 micro_batch, 3 batch, 4 eta, 5 rho, 6 process, 7 sde. Then of
# quantiles.csv: 8 observable, 9 time, 10 to 14 quantiles, 15 n; of trajectory.csv: 8 path,
# 9 observable, 10 time, 11 value; of series.csv: 8 observable, 9 time, 10 mean.
cases = ""
processes = ""
observables = ""
batches = ""
etas = ""
radii = ""
last_time = 0
most_paths = 0
place(list, name) = sum [w = 1:words(list)] (word(list, w) eq name ? w : 0)
add(list, name) = place(list, name) ? list : list." ".name
key(x) = strcol(1).":".strcol(2).":".strcol(3).":".strcol(4).":".strcol(5)
process(x) = strcol(6).strcol(7)
note_row(x) = (cases = add(cases, key(0)), processes = add(processes, process(0)), \
    observables = add(observables, strcol(8)), batches = add(batches, strcol(3)), \
    etas = add(etas, strcol(4)), radii = add(radii, strcol(5)), \
    last_time = $9 > last_time ? $9 : last_time, most_paths = $15 > most_paths ? $15 : most_paths, 0)
stats spread skip 1 using (note_row(0)) nooutput
count = words(cases)
kinds = words(processes)
seen = words(observables)

# Paths that are drawn: a dozen of each process at most.
shown = 0
note_path(x) = (shown = $8 + 1 > shown ? $8 + 1 : shown, 0)
stats paths skip 1 using (note_path(0)) nooutput
shown = shown > 12 ? 12 : shown

part(text, k) = k == 1 ? text[1:strstrt(text, ":") - 1] : \
    part(text[strstrt(text, ":") + 1:*], k - 1)
field(c, k) = part(word(cases, c).":", k)
label(c) = field(c, 1).(field(c, 2) eq "" ? "" : " m=".field(c, 2)) \
    .(words(batches) > 1 ? ", b ".field(c, 3) : "") \
    .(words(etas) > 1 ? sprintf(", η %g", number(field(c, 4))) : "") \
    .(words(radii) > 1 ? sprintf(", ρ %g", number(field(c, 5))) : "")
# Single paths have no expectation: "tr V" for "E tr V".
symbol_alone(name) = (text = symbol(name), text[1:2] eq "E " ? text[3:*] : text[1:1] eq "E" ? text[2:*] : "")
name_of(k) = word(processes, k) eq "iterates" ? "iterates" : kinds == 2 ? "SDE" : \
    sde_name(int(word(processes, k)[4:*]))
setting = (words(etas) == 1 ? sprintf("learning rate η = %g,  ", number(field(1, 4))) : "") \
    .(words(radii) == 1 ? sprintf("radius ρ = %g,  ", number(field(1, 5))) : "") \
    .(words(batches) == 1 ? "batch b = ".field(1, 3).",  " : "")

# The iterates have the colour of their case, SDEs greys and dashes: both stand in one panel.
colour(c, k) = k > 1 ? 0x333333 : case_colour(field(c, 1), field(c, 2), c, \
    words(batches) * words(etas) * words(radii) == 1)
dash(k) = (k - 1) % 5 + 1

# What belongs to case c, process k and observable o.
is_case(c, k) = key(0) eq word(cases, c) && process(0) eq word(processes, k)
at(c, k, o) = is_case(c, k) && strcol(8) eq word(observables, o)
on_path(c, k, o, p) = $8 == p && is_case(c, k) && strcol(9) eq word(observables, o)

# The range of an observable: that of the quantiles of all cases, so that panels of a row compare.
array low[seen]
array high[seen]
do for [o = 1:seen] {
  low[o] = 1e300
  high[o] = -1e300
  note_range(y, z) = (low[o] = y < low[o] ? y : low[o], high[o] = z > high[o] ? z : high[o], 0)
  stats spread skip 1 using (strcol(8) eq word(observables, o) ? note_range($10, $14) : 0) nooutput
  if (low[o] > high[o]) { low[o] = 0; high[o] = 1 }
}
is_logarithmic(o) = low[o] > 0 && high[o] / low[o] > 100
margin(o) = (length = high[o] - low[o], size = abs(low[o]) > abs(high[o]) ? abs(low[o]) : abs(high[o]), \
    0.12 * (length > 1e-9 * size ? length : size > 0 ? size : 1))
bottom_of(o) = is_logarithmic(o) ? low[o] / 1.5 : low[o] - margin(o)
top_of(o) = is_logarithmic(o) ? high[o] * 1.5 : high[o] + margin(o)

# The sheet in pixels, from the top: title, setting, legend, blocks of up to four cases.
columns = count > 4 ? 4 : count
blocks = (count + columns - 1) / columns
panel_width = columns == 1 ? 900 : columns == 2 ? 560 : columns == 3 ? 420 : 360
panel_height = 260
left_room = 110
width = left_room + columns * panel_width + 30
width = width < least_width ? least_width : width
panel_width = (width - left_room - 30) / columns
head = 30 * title_lines + 50
panels_top = head + (kinds > 1 ? 40 : 0)
block_height = seen * panel_height + 90
height = panels_top + blocks * block_height
left(c) = left_room + panel_width * ((c - 1) % columns) + 12
right(c) = left(c) + panel_width - 85
row_top(c, o) = panels_top + block_height * ((c - 1) / columns) + 40 + (o - 1) * panel_height

load plots."sheet.gp"
set style fill transparent solid 0.16 noborder
set label setting."thick: mean,  shaded: the middle 90 % of ". \
    sprintf(most_paths == 1 ? "the path" : "%g paths", most_paths).",  thin: single paths" \
    at screen 0.5, up(30 * title_lines + 26) center textcolor rgb "#444444"
longest_kind = 0
do for [k = 1:kinds] { longest_kind = longer(longest_kind, name_of(k)) }
entry(k) = width / 2 + (k - 0.5 - kinds / 2.0) * (100 + 9 * longest_kind)
do for [k = 1:(kinds > 1 ? kinds : 0)] {
  set arrow from screen across(entry(k) - 60), up(head + 12) to screen across(entry(k) - 14), \
      up(head + 12) nohead linewidth dashed_width(2.5, k) dashtype dash(k) \
      linecolor rgb (k > 1 ? 0x333333 : count == 1 ? colour(1, 1) : blue)
  set label name_of(k) at screen across(entry(k)), up(head + 12) left
}

do for [c = 1:count] {
  do for [o = 1:seen] {
    set lmargin at screen across(left(c))
    set rmargin at screen across(right(c))
    set tmargin at screen up(row_top(c, o))
    set bmargin at screen up(row_top(c, o) + panel_height - 45)
    unset logscale
    set ytics autofreq
    if (is_logarithmic(o)) {
      set logscale y
      log_axis = "y"; log_low = bottom_of(o); log_high = top_of(o); log_room = 6
      load plots."log_tics.gp"
    }
    set xrange [0:last_time]
    set yrange [bottom_of(o):top_of(o)]
    set format y "%g"
    set format x o == seen ? "%g" : ""
    if (o == 1) {
      set label label(c) center textcolor rgb colour(c, 1) \
          at screen across((left(c) + right(c)) / 2), up(row_top(c, o) - 16)
    }
    if ((c - 1) % columns == 0) {
      set label with_symbol(word(observables, o), symbol_alone(word(observables, o))) center rotate \
          at screen across(left_room - 88), up(row_top(c, o) + (panel_height - 45) / 2)
    }
    if (o == seen) {
      set label time_axis center \
          at screen across((left(c) + right(c)) / 2), up(row_top(c, o) + panel_height + 8)
    }
    plot for [k = 1:kinds] spread skip 1 using (at(c, k, o) ? $9 : NaN):10:14 with filledcurves \
             linecolor rgb colour(c, k), \
         for [k = 1:kinds] for [p = 0:shown - 1] paths skip 1 using \
             (on_path(c, k, o, p) ? $10 : NaN):11 with lines linewidth 0.7 dashtype dash(k) \
             linecolor rgb 0x70000000 + colour(c, k), \
         for [k = 1:kinds] means skip 1 using (at(c, k, o) ? $9 : NaN):10 with lines \
             linewidth dashed_width(2.5, k) dashtype dash(k) linecolor rgb colour(c, k)
    # Title and legend belong to the whole sheet and are drawn once.
    unset label
    unset arrow
  }
}
unset multiplot
unset output
