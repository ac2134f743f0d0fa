# A page of a sheet, or a frame of an animation: its title and caption, loaded by sheet.gp and, for
# further frames, by a script of this folder. They are drawn with the first plot, after which the
# script unsets all labels and arrows.
set multiplot
do for [k = 1:title_lines] {
  set label line_of(title, k) at screen 0.5, up(32 + 30 * (k - 1)) center font ",22"
}
do for [k = 1:lines_of(caption)] {
  set label line_of(caption, k) at screen across(40), up(height + 24 * k) left
}
