# Survival curves of iterates and SDEs on a logarithmic axis, with 95 % bands; below, the mean times
# of escape with the exact ones. Run by experiments/pictures/plot.c in a folder inside the run's:
#   gnuplot -d -c escape.gp TERMINAL PICTURE TITLE SDES
# escape.csv, survival.csv  the tables of the study; names in them are the program's own
# TERMINAL            svg, png or pdf     PICTURE  the file to write
# TITLE               the recipe's title, already broken into lines: shown, never interpreted
# SDES                for each SDE of the run: "its name"; may be empty

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ARG4
plots = ARG0[1:strlen(ARG0) - strlen("escape.gp")]
load plots."style.gp"
times = "escape.csv"
curves = "survival.csv"
set datafile separator comma

# Columns of both: 1 optimizer, 2 micro_batch, 3 batch, 4 eta, 5 rho, 6 process, 7 sde. Then of
# escape.csv: 8 mean, 9 se, 14 exact; of survival.csv: 8 time, 9 survival, 11 low, 12 high.
# A case is a colour, a shape and a place, a process a dash. What all cases share is left out of
# their labels.
cases = ""
labels = ""
processes = ""
batches = ""
etas = ""
radii = ""
low = 1e300
high = 0
place(list, name) = sum [w = 1:words(list)] (word(list, w) eq name ? w : 0)
add(list, name) = place(list, name) ? list : list." ".name
key(x) = strcol(1).":".strcol(2).":".strcol(3).":".strcol(4).":".strcol(5)
process(x) = strcol(6).strcol(7)
some_exact = 0
note_exact(y) = y > 0 ? (some_exact = 1, note_time(y)) : 0
note_time(y) = y > 0 ? (low = y < low ? y : low, high = y > high ? y : high, 0) : 0
note_row(x) = (cases = add(cases, key(0)), processes = add(processes, process(0)), \
    batches = add(batches, strcol(3)), etas = add(etas, strcol(4)), radii = add(radii, strcol(5)), \
    note_time($8 - 1.96 * $9), note_time($8 + 1.96 * $9), note_time($8), note_exact($14))
stats times skip 1 using (note_row(0)) nooutput
count = words(cases)
kinds = words(processes)

part(text, k) = k == 1 ? text[1:strstrt(text, ":") - 1] : \
    part(text[strstrt(text, ":") + 1:*], k - 1)
field(c, k) = part(word(cases, c).":", k)
label(c) = field(c, 1).(field(c, 2) eq "" ? "" : " m=".field(c, 2)) \
    .(words(batches) > 1 ? ", b ".field(c, 3) : "") \
    .(words(etas) > 1 ? sprintf(", η %g", number(field(c, 4))) : "") \
    .(words(radii) > 1 ? sprintf(", ρ %g", number(field(c, 5))) : "")
name_of(k) = word(processes, k) eq "iterates" ? "iterates" : kinds == 2 ? "SDE" : \
    sde_name(int(word(processes, k)[4:*]))
setting = (words(etas) == 1 ? sprintf("learning rate η = %g,  ", number(field(1, 4))) : "") \
    .(words(radii) == 1 ? sprintf("radius ρ = %g,  ", number(field(1, 5))) : "") \
    .(words(batches) == 1 ? "batch b = ".field(1, 3).",  " : "")

# Colour and shape of the marks tell the case; the dash and the hollow marks tell the SDE.
colour(c) = case_colour(field(c, 1), field(c, 2), c, \
    words(batches) * words(etas) * words(radii) == 1)
dash(k) = (k - 1) % 5 + 1
is_hollow(k) = word(processes, k) ne "iterates"
shape(c, k) = shape_number(c) - is_hollow(k)
size(k) = 1.2 * mark * (is_hollow(k) ? hollow : 1)
mine(c, k) = key(0) eq word(cases, c) && process(0) eq word(processes, k)

# The sheet in pixels, from the top: title, survival curves, legend, mean times.
width = least_width
head = 30 * title_lines + 50
legend_width(length, gap) = gap + 9 * length
fitting(length, gap) = (room = (width - 140) / legend_width(length, gap), \
    room < 1 ? 1 : room > 4 ? 4 : room)
longest_case = 0
longest_kind = 0
do for [c = 1:count] {
  longest_case = strlen(label(c)) > longest_case ? strlen(label(c)) : longest_case
}
do for [k = 1:kinds] {
  longest_kind = strlen(name_of(k)) > longest_kind ? strlen(name_of(k)) : longest_kind
}
legend_columns = fitting(longest_case, 60)
kind_columns = fitting(longest_kind, 80)
legend_lines = (count + legend_columns - 1) / legend_columns
kind_lines = (kinds + kind_columns - 1) / kind_columns
legend_top = head + 500
lower_top = legend_top + 26 * (legend_lines + kind_lines) + 20
foot = count > 6 ? 190 : 60
height = lower_top + 330 + foot
legend_x(e) = 110 + (width - 140) / legend_columns * ((e - 1) % legend_columns)
legend_y(e) = legend_top + 26 * ((e - 1) / legend_columns)
kind_x(k) = 110 + (width - 140) / kind_columns * ((k - 1) % kind_columns)
kind_y(k) = legend_top + 26 * (legend_lines + (k - 1) / kind_columns)

load plots."sheet.gp"
set style fill transparent solid 0.15 noborder
set lmargin at screen across(110)
set rmargin at screen across(width - 30)

set label setting."shaded, bars: 95 %".(some_exact ? ",  short lines: exact mean of the SDE" : "") \
    at screen 0.5, up(30 * title_lines + 26) center textcolor rgb "#444444"
do for [c = 1:count] {
  set arrow from screen across(legend_x(c)), up(legend_y(c)) \
      to screen across(legend_x(c) + 36), up(legend_y(c)) nohead linewidth 2 linecolor rgb colour(c)
  set label "" at screen across(legend_x(c) + 18), up(legend_y(c)) point pointtype shape_number(c) \
      pointsize 1.2 * mark linewidth 1.5 linecolor rgb colour(c)
  set label label(c) at screen across(legend_x(c) + 46), up(legend_y(c)) left
}
do for [k = 1:kinds] {
  y = kind_y(k)
  set arrow from screen across(kind_x(k)), up(y) to screen across(kind_x(k) + 36), up(y) \
      nohead linewidth dashed_width(2, k) dashtype dash(k) linecolor rgb "#444444"
  set label name_of(k).(is_hollow(k) ? " (hollow)" : "") \
      at screen across(kind_x(k) + 46), up(y) left
}

# The axis ends where a share is that of half a dozen paths: below there is little but noise.
least = 1
note_share(y, se) = y > 0 && se < 0.4 * y ? (least = y < least ? y : least, 0) : 0
stats curves skip 1 using (note_share($9, $10)) nooutput
floor_of_axis = least < 0.7 ? least / 2 : 0.5
bounded(y) = y > floor_of_axis ? y : floor_of_axis
# About a dozen marks a curve, those of different curves at different times.
stats curves skip 1 using ($8) nooutput
mark_step = (STATS_records + STATS_invalid) / (12 * count * kinds) + 1
is_marked(c, k) = (int($0) + 2 * c + k) % mark_step == 0
set logscale y
set yrange [floor_of_axis:1.1]
log_axis = "y"; log_low = floor_of_axis; log_high = 1.1; log_room = 10
load plots."log_tics.gp"
set tmargin at screen up(head + 12)
set bmargin at screen up(legend_top - 85)
set label "share of paths that has not left" center rotate \
    at screen across(25), up((head + legend_top - 85) / 2)
set label time_axis center at screen 0.5, up(legend_top - 26)
plot for [c = 1:count] for [k = 1:kinds] curves skip 1 using \
         (mine(c, k) && $9 > 0 ? $8 : NaN):(bounded($11)):(bounded($12)) \
         with filledcurves linecolor rgb colour(c), \
     for [c = 1:count] for [k = 1:kinds] "" skip 1 using \
         (mine(c, k) && $9 > 0 ? $8 : NaN):9 with lines linewidth 2 dashtype dash(k) \
         linecolor rgb colour(c), \
     for [c = 1:count] for [k = 1:kinds] "" skip 1 using \
         (mine(c, k) && $9 > floor_of_axis && is_marked(c, k) ? $8 : NaN):9 with points \
         pointtype shape(c, k) pointsize size(k) linewidth 1.5 linecolor rgb colour(c)
# Title and legend belong to the whole sheet and are drawn once.
unset label
unset arrow

if (high == 0) { low = 1; high = 1 }
set yrange [low / 1.4:high * 1.4]
set xrange [0.5:count + 0.5]
set xtics ()
if (count > 6) { set xtics rotate by 40 right }
do for [c = 1:count] {
  set xtics add (label(c) c)
}
set tmargin at screen up(lower_top + 12)
set bmargin at screen up(height - foot)
set label "mean time to leave,  E T" center rotate \
    at screen across(25), up((lower_top + height - foot) / 2)
log_axis = "y"; log_low = low / 1.4; log_high = high * 1.4; log_room = 8
load plots."log_tics.gp"
at(c, k) = c + 0.5 / kinds * (k - (kinds + 1) / 2.0)
bar_low(x) = $8 - 1.96 * $9 > low / 1.4 ? $8 - 1.96 * $9 : low / 1.4
plot for [c = 1:count] for [k = 1:kinds] times skip 1 using \
         (mine(c, k) && $8 > 0 ? at(c, k) : NaN):8:(bar_low(0)):($8 + 1.96 * $9) \
         with yerrorbars pointtype shape(c, k) pointsize size(k) linewidth 1.5 \
         linecolor rgb colour(c), \
     for [c = 1:count] for [k = 1:kinds] "" skip 1 using \
         (mine(c, k) && $14 > 0 ? at(c, k) - 0.17 / kinds : NaN):14:(0.34 / kinds):(0) \
         with vectors nohead linewidth 2.5 linecolor rgb "#000000"
unset multiplot
unset output
