# Wasserstein distance between the laws of iterates and SDE over time, and dashed its floor: what it
# would be were the laws equal; one panel an observable. Run by experiments/pictures/plot.c in a folder inside
# the run's:
#   gnuplot -d -c distances.gp TERMINAL PICTURE TITLE SDES
# distances.csv    the table of the study; names in it are the program's own
# TERMINAL            svg, png or pdf     PICTURE  the file to write
# TITLE               the recipe's title, already broken into lines: shown, never interpreted
# SDES                for each SDE of the run: "its name"; may be empty

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ARG4
plots = ARG0[1:strlen(ARG0) - strlen("distances.gp")]
load plots."style.gp"
table = "distances.csv"
set datafile separator comma

# Columns: 1 optimizer, 2 micro_batch, 3 batch, 4 eta, 5 rho, 6 sde, 7 observable, 8 time,
# 9 wasserstein, 10 floor. A curve is all of the first six, a panel the seventh. Distances are empty
# where no path survived: column(9) is then NaN, while $9 would make the whole row invalid. Values
# beyond 1e100 are not drawn. What all curves share is left out of their labels.
curves = ""
observables = ""
processes = ""
batches = ""
etas = ""
radii = ""
first_time = 1e300
last_time = -1e300
place(list, name) = sum [w = 1:words(list)] (word(list, w) eq name ? w : 0)
add(list, name) = place(list, name) ? list : list." ".name
key(x) = strcol(1).":".strcol(2).":".strcol(3).":".strcol(4).":".strcol(5).":".strcol(6)
shown(c) = strcol(c) eq "" ? NaN : abs(column(c)) < 1e100 ? column(c) : NaN
note_row(t) = (curves = add(curves, key(0)), batches = add(batches, strcol(3)), \
    etas = add(etas, strcol(4)), radii = add(radii, strcol(5)), \
    processes = add(processes, strcol(6)), observables = add(observables, strcol(7)), \
    first_time = t < first_time ? t : first_time, last_time = t > last_time ? t : last_time, 0)
stats table skip 1 using (note_row($8)) nooutput
count = words(curves)
panels = words(observables)

part(text, k) = k == 1 ? text[1:strstrt(text, ":") - 1] : \
    part(text[strstrt(text, ":") + 1:*], k - 1)
field(c, k) = part(word(curves, c).":", k)
plain(c) = field(c, 2) eq "" || field(c, 1) eq "usam" || field(c, 1) eq "sam"
label(c) = field(c, 1).(plain(c) ? "" : " m=".field(c, 2)) \
    .(words(batches) > 1 ? ", b ".field(c, 3) : "") \
    .(words(etas) > 1 ? sprintf(", η %g", number(field(c, 4))) : "") \
    .(words(radii) > 1 ? sprintf(", ρ %g", number(field(c, 5))) : "") \
    .(words(processes) > 1 ? ", ".sde_name(int(field(c, 6))) : "")
setting = (words(etas) == 1 ? sprintf("learning rate η = %g,  ", number(field(1, 4))) : "") \
    .(words(radii) == 1 ? sprintf("radius ρ = %g,  ", number(field(1, 5))) : "") \
    .(words(batches) == 1 ? "batch b = ".field(1, 3).",  " : "")

colour(c) = case_colour(field(c, 1), plain(c) ? "" : field(c, 2), c, \
    words(batches) * words(etas) * words(radii) * words(processes) == 1)
shape(c) = shape_number(c)
point_size = 0.9 * mark
# The floor of a curve has its colour and, hollow and fewer, its marks.
is_marked(c) = (int($0) + 2 * c) % 6 == 0
floor_entry = count + 1
mine(p, c) = strcol(7) eq word(observables, p) && key(0) eq word(curves, c)

# The sheet in pixels, from the top: title, panels, legend.
columns = panels == 1 ? 1 : panels % 3 == 0 || panels == 5 || panels > 8 ? 3 : 2
panel_rows = (panels + columns - 1) / columns
width = 1400
panel_width = width / columns
panel_height = columns == 1 ? 600 : panel_rows == 1 ? 440 : 360
head = 30 * title_lines + 50
floor_label = "floor, were the laws equal"
longest = strlen(floor_label)
do for [c = 1:count] { longest = strlen(label(c)) > longest ? strlen(label(c)) : longest }
entry_width = 95 + 9 * longest
fitting = int((width - 40) / entry_width)
fitting = fitting < 1 ? 1 : fitting > floor_entry ? floor_entry : fitting
legend_top = head + panel_rows * panel_height + 35
height = legend_top + 26 * ((floor_entry + fitting - 1) / fitting) + 14
margin = 110
left(p) = panel_width * ((p - 1) % columns) + margin
right(p) = panel_width * ((p - 1) % columns + 1) - 25
top(p) = head + panel_height * ((p - 1) / columns) + 12
bottom(p) = head + panel_height * ((p - 1) / columns + 1) - 55
legend_x(c) = (width - entry_width * fitting) / 2 + entry_width * ((c - 1) % fitting) + 20
legend_y(c) = legend_top + 26 * ((c - 1) / fitting)

load plots."sheet.gp"

set label setting."dashed, with the colour and, hollow, the mark of its curve: the floor" \
    at screen 0.5, up(30 * title_lines + 26) center textcolor rgb "#444444"
do for [c = 1:count] {
  set arrow from screen across(legend_x(c)), up(legend_y(c)) \
      to screen across(legend_x(c) + 50), up(legend_y(c)) nohead linewidth 2 linecolor rgb colour(c)
  set label at screen across(legend_x(c) + 25), up(legend_y(c)) point pointtype shape(c) \
      pointsize point_size linecolor rgb colour(c)
  set label label(c) at screen across(legend_x(c) + 62), up(legend_y(c)) left
}

set arrow from screen across(legend_x(floor_entry)), up(legend_y(floor_entry)) \
    to screen across(legend_x(floor_entry) + 50), up(legend_y(floor_entry)) nohead linewidth 1.5 \
    dashtype 2 linecolor rgb dark
set label at screen across(legend_x(floor_entry) + 25), up(legend_y(floor_entry)) \
    point pointtype 6 pointsize hollow * point_size linecolor rgb dark
set label floor_label at screen across(legend_x(floor_entry) + 62), up(legend_y(floor_entry)) left

# A range of no length, or of values that are not drawn, would stop gnuplot.
set xrange [first_time:last_time > first_time ? last_time : first_time + 1]
do for [p = 1:panels] {
  highest = 0
  note_high(y) = y > highest ? (highest = y, 0) : 0
  stats table skip 1 using (strcol(7) eq word(observables, p) ? \
      note_high(shown(9)) + note_high(shown(10)) : 0) nooutput
  set yrange [0:highest > 1e-100 ? 1.08 * highest : 1]
  set lmargin at screen across(left(p))
  set rmargin at screen across(right(p))
  set tmargin at screen up(top(p))
  set bmargin at screen up(bottom(p))
  set label "W₁ between the laws of ".word(observables, p) center rotate \
      at screen across(left(p) - margin + 23), up((top(p) + bottom(p)) / 2)
  if (p + columns > panels) {
    set label time_axis center at screen across((left(p) + right(p)) / 2), up(bottom(p) + 58)
  }
  plot for [c = 1:count] table skip 1 using (mine(p, c) ? $8 : NaN):(shown(9)) \
           with linespoints linewidth 2 pointtype shape(c) pointsize point_size \
           linecolor rgb colour(c), \
       for [c = 1:count] "" skip 1 using (mine(p, c) ? $8 : NaN):(shown(10)) \
           with lines linewidth 1.5 dashtype 2 linecolor rgb colour(c), \
       for [c = 1:count] "" skip 1 using (mine(p, c) && is_marked(c) ? $8 : NaN):(shown(10)) \
           with points pointtype shape(c) - 1 pointsize hollow * point_size \
           linecolor rgb colour(c)
  # Title and legend belong to the whole sheet and are drawn once.
  unset label
  unset arrow
}
unset multiplot
unset output
