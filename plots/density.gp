# In one dimension, above the loss f and f + rho R, below the stationary density of each SDE: exact,
# and what its paths and the iterates show at the end time. Run by experiments/pictures/plot.c in a folder
# inside the run's:
#   gnuplot -d -c density.gp TERMINAL PICTURE TITLE SDES COORDINATES
# density.csv      the table of the study; names in it are the program's own
# TERMINAL            svg, png or pdf     PICTURE  the file to write
# TITLE               the recipe's title, already broken into lines: shown, never interpreted
# SDES                for each SDE of the run: "its name"; may be empty
# COORDINATES         what the parameters of the loss are called, separated by a space; may be empty

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ARG4
coordinate = words(ARG5) == 1 ? ARG5 : "x"
plots = ARG0[1:strlen(ARG0) - strlen("density.gp")]
load plots."style.gp"
table = "density.csv"
set datafile separator comma

# Columns: 1 optimizer, 2 micro_batch, 3 batch, 4 eta, 5 rho, 6 sde, 7 x, 8 width, 9 f,
# 10 effective, 11 exact, 12 simulated, 13 its se, 14 iterates, 15 their se. A panel is all of the
# first six; effective and exact are empty where they are not known: column(10) is then NaN, while
# $10 would make the whole row invalid. Values beyond 1e100 are not drawn.
most_panels = 9
shown(y) = abs(y) < 1e100 ? y : NaN
key(x) = strcol(1).":".strcol(2).":".strcol(3).":".strcol(4).":".strcol(5).":".strcol(6)
optional(c) = strcol(c) eq "" ? NaN : shown(column(c))

cases = ""
last = ""
some_exact = 0
x_low = 1e300
x_high = -1e300
highest = 0
lowest_f = 1e300
highest_f = -1e300
note_case(k) = k eq last ? 0 : (last = k, cases = cases.k." ", 0)
note_x(x, w) = (x_low = x - w / 2 < x_low ? x - w / 2 : x_low, \
    x_high = x + w / 2 > x_high ? x + w / 2 : x_high, 0)
note_density(y) = abs(y) < 1e100 && y > highest ? (highest = y, 0) : 0
note_exact(y) = abs(y) < 1e100 ? (some_exact = 1, note_density(y)) : 0
note_value(y) = abs(y) < 1e100 ? (lowest_f = y < lowest_f ? y : lowest_f, \
    highest_f = y > highest_f ? y : highest_f, 0) : 0
stats table skip 1 using (note_case(key(0)) + note_x($7, $8) + note_exact(optional(11)) + \
    note_density(shown($12)) + note_density(optional(14)) + note_value(shown($9)) + \
    note_value(optional(10))) nooutput
all_panels = words(cases)
panels = all_panels > most_panels ? most_panels : all_panels
if (highest_f < lowest_f) {
  lowest_f = 0
  highest_f = 1
}
room = 0.05 * (highest_f - lowest_f)
room = room > 1e-9 * abs(highest_f) && room > 1e-100 ? room : highest_f == 0 ? 1 : abs(highest_f)
highest = highest > 1e-100 ? highest : 1

# A case as the parts of its key: an empty one holds its place.
cut(k, part) = (from = 1, part > 1 ? sum [w = 2:part] (from = from + \
    strstrt(k[from:*], ":"), 0) : 0, to = strstrt(k[from:*], ":"), \
    to ? k[from:from + to - 2] : k[from:*])
part_of(c, p) = cut(word(cases, c), p)
same(p) = all_panels == sum [c = 1:all_panels] (part_of(c, p) eq part_of(1, p))
label_of(c) = part_of(c, 1).(part_of(c, 2) eq "" || part_of(c, 1) eq "usam" || \
    part_of(c, 1) eq "sam" ? "" : " m=".part_of(c, 2)). \
    (same(3) ? "" : ", b ".part_of(c, 3)). \
    (same(4) ? "" : sprintf(", η %g", number(part_of(c, 4)))). \
    (same(5) ? "" : sprintf(", ρ %g", number(part_of(c, 5)))). \
    (same(6) ? "" : ", ".sde_name(int(part_of(c, 6))))
setting = (same(4) ? sprintf("learning rate η = %g   ", number(part_of(1, 4))) : ""). \
    (same(5) ? sprintf("radius ρ = %g   ", number(part_of(1, 5))) : ""). \
    (same(3) ? "batch b = ".part_of(1, 3)."   " : ""). \
    (all_panels > panels ? sprintf("(%d more are not shown)", all_panels - panels) : "")
mine(c) = key(0) eq word(cases, c)

columns = panels < 3 ? panels : panels == 4 ? 2 : 3
lines = (panels + columns - 1) / columns
size = columns == 1 ? 700 : columns == 2 ? 480 : 370
upper = 190
lower = 260
left_margin = 85
gap = 15
band = 35 + upper + 25 + lower + 85
content = columns * (left_margin + size + gap)
width = content > least_width ? content : least_width
indent = (width - content) / 2
head = 30 * title_lines + 45
legend_top = head + lines * band
height = legend_top + 70
left(p) = indent + left_margin + ((p - 1) % columns) * (left_margin + size + gap)
top(p) = head + 35 + ((p - 1) / columns) * band

load plots."sheet.gp"
set style fill solid 1 noborder
set ytics autofreq

simulated = 0xBBD7EA
point_size = 0.6 * mark

set label setting at screen 0.5, up(30 * title_lines + 24) center textcolor rgb "#444444"

# The legend, in two rows below the panels.
legend_x(k) = 50 + (width - 60) / 3 * ((k - 1) % 3)
dash(k) = k == 2 ? 2 : 1
legend_y(k) = legend_top + 10 + 28 * ((k - 1) / 3)
do for [k = 1:3] {
  set arrow from screen across(legend_x(k)), up(legend_y(k)) \
      to screen across(legend_x(k) + 34), up(legend_y(k)) nohead linewidth 2 \
      linecolor rgb int(k == 1 ? dark : k == 2 ? green : vermilion) \
      dashtype dash(k)
  set label k == 1 ? "f" : k == 2 ? "f + ρR" : some_exact ? "exact density" : "no exact density" \
      at screen across(legend_x(k) + 44), up(legend_y(k)) left
}
set object rectangle from screen across(legend_x(4)), up(legend_y(4) + 7) \
    to screen across(legend_x(4) + 34), up(legend_y(4) - 7) fillcolor rgb simulated
set label "paths of the SDE" at screen across(legend_x(4) + 44), up(legend_y(4)) left
set label at screen across(legend_x(5) + 17), up(legend_y(5)) point pointtype 7 \
    pointsize 2 * point_size linecolor rgb blue
set label "iterates" at screen across(legend_x(5) + 44), up(legend_y(5)) left

set xrange [x_low:x_high]
do for [p = 1:panels] {
  set lmargin at screen across(left(p))
  set rmargin at screen across(left(p) + size)
  set tmargin at screen up(top(p))
  set bmargin at screen up(top(p) + upper)
  set yrange [lowest_f - room:highest_f + room]
  set format x ""
  set label label_of(p) center at screen across(left(p) + size / 2), up(top(p) - 16)
  set label "f,  f + ρR" center rotate \
      at screen across(left(p) - 65), up(top(p) + upper / 2)
  plot table skip 1 using (mine(p) ? $7 : NaN):(shown($9)) with lines linewidth 2 \
           linecolor rgb dark, \
       "" skip 1 using (mine(p) ? $7 : NaN):(optional(10)) with lines linewidth 2 \
           linecolor rgb green dashtype 2
  # Title and legend belong to the whole sheet and are drawn once.
  unset label
  unset arrow
  unset object
  set tmargin at screen up(top(p) + upper + 25)
  set bmargin at screen up(top(p) + upper + 25 + lower)
  set yrange [0:1.1 * highest]
  set format x "%g"
  set label "parameter ".coordinate center \
      at screen across(left(p) + size / 2), up(top(p) + upper + lower + 84)
  set label "density p(".coordinate.")" center rotate \
      at screen across(left(p) - 65), up(top(p) + upper + 25 + lower / 2)
  plot table skip 1 using (mine(p) ? $7 : NaN):(shown($12)):8 with boxes \
           linecolor rgb simulated, \
       "" skip 1 using (mine(p) ? $7 : NaN):(optional(14)) with points pointtype 7 \
           pointsize point_size linecolor rgb blue, \
       "" skip 1 using (mine(p) ? $7 : NaN):(optional(11)) with lines linewidth 2 \
           linecolor rgb vermilion
  unset label
}
unset multiplot
unset output
