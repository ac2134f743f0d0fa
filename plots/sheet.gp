# The sheet of a picture, loaded by a script of this folder once its width and height (in pixels,
# without the caption) are known: terminal, file and the looks of axes. Expects the variables
# terminal, picture, width, height and what style.gp defines; begins the first page. An animation
# also sets frame_delay, in hundredths of a second.

sheet = height + (caption eq "" ? 0 : 30 + 24 * lines_of(caption))
across(x) = real(x) / width
up(y) = 1 - real(y) / sheet

# Sizes of letters are in pixels; cairo takes them for points, of which 72 make 96 pixels.
if (terminal eq "svg") {
  set terminal svg size width, sheet noenhanced font "sans-serif,16" background "white"
}
if (terminal eq "png") {
  set terminal pngcairo size width, sheet noenhanced font "sans-serif,16" background "white" \
                        fontscale 0.75 dashlength 1.5
}
if (terminal eq "pdf") {
  set terminal pdfcairo size width / 144.0, sheet / 144.0 noenhanced font "sans-serif,16" \
                        background "white" fontscale 0.375 linewidth 1.1 dashlength 1
}
if (terminal eq "gif") {
  set terminal gif animate delay frame_delay loop 0 optimize size 0.75 * width, \
                   0.75 * sheet noenhanced font "sans-serif,16" background "white" \
                   fontscale 0.5625 linewidth 1
}
set output picture
set border 3 linecolor rgb "#444444"
set tics nomirror out textcolor rgb "black"
set grid linecolor rgb "#DDDDDD" linewidth 1 linetype 1
set format "%g"
unset key
load plots."page.gp"
