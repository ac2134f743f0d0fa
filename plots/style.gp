# What all pictures share, loaded first by each script of this folder: colours, marks, dashes, names
# of quantities, and how what experiments/pictures/plot.c says is read. Sizes are in pixels of the svg and
# the png; in a pdf a pixel is half a point, so that letters have 8 points.

# gnuplot reads "1e-05" as a whole number with something behind: it wants a point.
number(text) = (mantissa = strstrt(text, "e"), mantissa && !strstrt(text, ".") \
    ? real(text[1:mantissa - 1].".0".text[mantissa:*]) : real(text))

# The colours of Okabe and Ito, which the colour-blind can tell apart, without their yellow, which
# is too light for lines. In grey, shapes and dashes tell what colours do: the shapes shift against
# the seven colours with each round, so that 49 curves differ in both. A shape less one is hollow, a
# cross of the star. The first of the nine dashes is a solid line.
colours = "0x0072B2 0xD55E00 0x009E73 0xCC79A7 0xE69F00 0x000000 0x56B4E9"
filled_shapes = "7 5 9 11 13 3 15"
taken(list, k) = int(word(list, (k - 1) % words(list) + 1))
colour_number(k) = taken(colours, k)
shape_number(k) = taken(filled_shapes, k + (k - 1) / words(filled_shapes))
# An optimizer has its own colour in every picture, and a micro-batch its place on a ramp, the darker the
# smaller m is: 1, 2, 4, 8, 16, and all larger ones. Where one picture has the same optimizer in several
# settings, or one of another name, colours go by turn.
ramp_of_usam = "0x08306B 0x1763B0 0x3E8EC4 0x6BAED6 0x93C4DE 0xB3D3E8"
ramp_of_sam = "0x67000D 0xB5121B 0xE5392D 0xF9694C 0xFC8F6F 0xFCAE91"
step_of(m) = m eq "" ? 3 : (doubled = 1 + int(log(real(m)) / log(2) + 1e-9), doubled > 6 ? 6 : doubled)
own_colour(rule, m) = rule eq "sgd" ? 0x000000 : rule eq "n-usam" ? 0xE69F00 \
    : rule eq "usam" ? 0x009E73 : rule eq "m-usam" ? taken(ramp_of_usam, step_of(m)) \
    : rule eq "sam" ? 0xCC79A7 : rule eq "n-sam" ? 0x8C6D00 \
    : rule eq "m-sam" ? taken(ramp_of_sam, step_of(m)) : rule eq "rw-sam" ? 0x56B4E9 : -1
case_colour(rule, m, k, alone) = alone && own_colour(rule, m) >= 0 ? own_colour(rule, m) \
    : colour_number(k)
# Of a name such as "m-usam m=4": its rule, and "4".
rule_of_name(name) = (space = strstrt(name, " "), space ? name[1:space - 1] : name)
size_of_name(name) = (sign = strstrt(name, " m="), sign ? name[sign + 3:*] : "")
name_colour(name, k) = case_colour(rule_of_name(name), size_of_name(name), k, \
    strstrt(name, ",") == 0)
blue = 0x0072B2
vermilion = 0xD55E00
green = 0x009E73
dark = 0x444444
# The svg terminal overlooks a change of dash alone, as from one arrow of a legend to the next: the
# width changes as well, by what nobody sees.
dashed_width(width, dash) = width + 0.001 * dash
set dashtype 1 solid
set dashtype 2 (9, 5)
set dashtype 3 (3, 4)
set dashtype 4 (12, 4, 2, 4)
set dashtype 5 (12, 4, 2, 4, 2, 4)
set dashtype 6 (22, 7)
set dashtype 7 (22, 5, 8, 5)
set dashtype 8 (22, 5, 2, 4)
set dashtype 9 (12, 4, 2, 4, 2, 4, 2, 4)

# Marks of one size come out larger in an svg and a pdf than in a png.
mark = terminal eq "svg" ? 0.6 : terminal eq "pdf" ? 0.55 \
    : terminal eq "gif" ? 0.75 : 1.0

# An svg's hollow marks have thin outlines where they are small.
hollow = terminal eq "svg" ? 1.35 : 1.1

# Symbols of observables, for axes: f the loss, g and H its gradient and Hessian, V the covariance
# of the gradient noise, x the parameters, u and v their halves where there are two, w the weights, s
# the planted signal. All are without units, as the time t = k eta of step k is.
subscript(text) = text eq "" ? "" : \
    word("₀ ₁ ₂ ₃ ₄ ₅ ₆ ₇ ₈ ₉", 1 + int(text[1:1])).subscript(text[2:*])
symbol(name) = name eq "loss" ? "E f" \
    : name eq "gradient-norm-squared" ? "E‖g‖²" \
    : name eq "noise-trace" ? "E tr V" \
    : name eq "hessian-trace" ? "E tr H" \
    : name eq "hessian-max" ? "E λₘₐₓ(H)" \
    : name eq "norm-squared" ? "E‖x‖²" \
    : name eq "product" ? "E uv" \
    : name eq "imbalance" ? "E(‖u‖² − ‖v‖²)" \
    : name eq "unstable-squared" ? "E v²" \
    : name eq "weight-error" ? "E‖w − w*‖²" \
    : name eq "weight-l1" ? "E Σ|wⱼ|" \
    : name eq "signal-distance" ? "E min‖x ± s‖²" \
    : name eq "overlap-squared" ? "E(x·s)²" \
    : name[1:1] eq "x" && int(real(name[2:*])) > 0 ? "E x".subscript(name[2:*]) : ""
with_symbol(text, sign) = sign eq "" ? text : text.",  ".sign
time_axis = "time t = kη"

# SDES holds a name for each SDE of the run, by its index; it may be empty.
sde_name(k) = words(sdes) > k ? word(sdes, k + 1) : sprintf("SDE %d", k)

# TITLE holds the title and, where there is one, after a form feed the caption, both broken into
# lines.
feed = strstrt(title, "\014")
caption = feed > 0 ? title[feed + 1:*] : ""
title = feed > 0 ? title[1:feed - 1] : title
lines_of(text) = text eq "" ? 0 : 1 + sum [i = 1:strlen(text)] (text[i:i] eq "\n")
line_of(text, k) = (line_end = strstrt(text, "\n"), \
    k > 1 ? line_of(text[line_end + 1:*], k - 1) : line_end > 0 ? text[1:line_end - 1] : text)
title_lines = lines_of(title)
longer(length, text) = strlen(text) > length ? strlen(text) : length

# A sheet is at least so wide that the longest line of a title (100 letters) fits.
least_width = 1150
