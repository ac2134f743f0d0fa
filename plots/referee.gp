# Relative mismatches of drift and diffusion of one step against eta and against rho, a line for each
# optimizer and SDE that has any. Run by experiments/pictures/plot.c in a folder inside the run's:
#   gnuplot -d -c referee.gp TERMINAL PICTURE TITLE SDES
# referee.csv         the table of the study; names in it are the program's own
# TERMINAL            svg, png or pdf     PICTURE  the file to write
# TITLE               the recipe's title, already broken into lines: shown, never interpreted
# SDES                for each SDE of the run: "its name"; may be empty

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ARG4
plots = ARG0[1:strlen(ARG0) - strlen("referee.gp")]
load plots."style.gp"
table = "referee.csv"
set datafile separator comma

# Columns: 1 optimizer, 2 micro_batch, 3 batch, 4 sde, 5 part, 6 eta, 7 rho, 8 mismatch, 9 se,
# 10 relative. The levels of a line are one eta and rho, and then smaller ones of either.
rounding = 1e-8
lines = ""
etas = ""
radii = ""
batches = ""
low = 1e300
high = 0
place(list, name) = sum [w = 1:words(list)] (word(list, w) eq name ? w : 0)
add(list, name) = place(list, name) ? list : list." ".name
key(x) = strcol(1).":".strcol(2).":".strcol(3).":".strcol(4)
note(y) = (low = y < low ? y : low, high = y > high ? y : high, lines = add(lines, key(0)), 0)
largest_eta = 0
largest_rho = 0
smallest_eta = 1e300
smallest_rho = 1e300
note_row(x) = (batches = add(batches, strcol(3)), \
    largest_eta = $6 > largest_eta ? $6 : largest_eta, \
    largest_rho = $7 > largest_rho ? $7 : largest_rho, \
    smallest_eta = $6 < smallest_eta ? $6 : smallest_eta, \
    smallest_rho = $7 > 0 && $7 < smallest_rho ? $7 : smallest_rho, \
    $10 > rounding ? note($10) : 0)
stats table skip 1 using (note_row(0)) nooutput
count = words(lines)
if (high == 0) { low = 1e-3; high = 1 }
if (largest_rho == 0) { largest_rho = 1; smallest_rho = 0.25 }

part(text, k) = k == 1 ? text[1:strstrt(text, ":") - 1] : \
    part(text[strstrt(text, ":") + 1:*], k - 1)
field(c, k) = part(word(lines, c).":", k)
label(c) = field(c, 1).(field(c, 2) eq "" ? "" : " m=".field(c, 2)) \
    .(words(batches) > 1 ? ", b ".field(c, 3) : "").",  ".sde_name(int(field(c, 4)))
colour(c) = colour_number(c)
mine(c, name) = key(0) eq word(lines, c) && strcol(5) eq name && $10 > rounding

# The sheet in pixels, from the top: title, setting, two panels, legend.
width = least_width
head = 30 * title_lines + 50
longest = 0
do for [c = 1:count] { longest = longer(longest, label(c)) }
columns = int((width - 60) / (70 + 9 * longest))
columns = columns < 1 ? 1 : columns > 3 ? 3 : columns
legend_lines = count == 0 ? 1 : (count + columns - 1) / columns
panels_bottom = head + 420
height = panels_bottom + 60 + 26 * legend_lines + 20
left(k) = 110 + (k - 1) * (width - 60) / 2
right(k) = left(k) + (width - 60) / 2 - 110

load plots."sheet.gp"
set label "filled, solid: drift,  hollow, dashed: diffusion,  below 1e-8 is not shown" \
    at screen 0.5, up(30 * title_lines + 26) center textcolor rgb "#444444"
if (count == 0) {
  set label "no mismatch beyond rounding" at screen 0.5, up(panels_bottom + 86) center
}
do for [c = 1:count] {
  x = 60 + (width - 60) / columns * ((c - 1) % columns)
  y = panels_bottom + 86 + 26 * ((c - 1) / columns)
  set label "" at screen across(x), up(y) point pointtype shape_number(c) pointsize 1.2 * mark \
      linecolor rgb colour(c)
  set label label(c) at screen across(x + 20), up(y) left
}

set logscale xy
set yrange [low / 3:high * 3]
do for [k = 1:2] {
  set lmargin at screen across(left(k))
  set rmargin at screen across(right(k))
  set tmargin at screen up(head + 12)
  set bmargin at screen up(panels_bottom)
  log_axis = "y"; log_low = low / 3; log_high = high * 3; log_room = 8
  load plots."log_tics.gp"
  smallest = k == 1 ? smallest_eta : smallest_rho
  largest = k == 1 ? largest_eta : largest_rho
  set xrange [smallest / 1.3:largest * 1.3]
  log_axis = "x"; log_low = smallest / 1.3; log_high = largest * 1.3; log_room = 5
  load plots."log_tics.gp"
  at(x) = k == 1 ? $6 : $7
  on_line(c, name) = mine(c, name) && (k == 1 ? $7 == largest_rho : $6 == largest_eta)
  if (k == 1) {
    set label "mismatch of one step over its size" center rotate \
        at screen across(28), up((head + 12 + panels_bottom) / 2)
  }
  set label (k == 1 ? "learning rate η" : "radius ρ") center \
      at screen across((left(k) + right(k)) / 2), up(panels_bottom + 48)
  plot for [c = 1:count] table skip 1 using (on_line(c, "drift") ? at(0) : NaN):10 \
           with linespoints linewidth 2 dashtype 1 pointtype shape_number(c) pointsize 1.2 * mark \
           linecolor rgb colour(c), \
       for [c = 1:count] "" skip 1 using (on_line(c, "diffusion") ? at(0) : NaN):10 \
           with linespoints linewidth 2 dashtype 2 pointtype shape_number(c) - 1 \
           pointsize 1.2 * mark * hollow linecolor rgb colour(c), \
       NaN notitle
  # Title and legend belong to the whole sheet and are drawn once.
  unset label
}
unset multiplot
unset output
