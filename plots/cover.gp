# A page of text: the cover of a figure book, with its contents.
#   gnuplot -d -c cover.gp pdf FILE TEXT
# TEXT   the title and, after a form feed, the lines below: shown, never interpreted

set encoding utf8
terminal = ARG1
picture = ARG2
title = ARG3
sdes = ""
plots = ARG0[1:strlen(ARG0) - strlen("cover.gp")]
load plots."style.gp"
width = least_width
height = 90
load plots."sheet.gp"
unset border
unset tics
plot [0:1] [0:1] 2
unset multiplot
unset output
