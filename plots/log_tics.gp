# Tics of a logarithmic axis at round numbers, never fewer than two: gnuplot's own are powers of
# ten, of which a short axis has one or none. Loaded by scripts of this folder; expects
#   log_axis   "x" or "y"     log_low, log_high  its ends, positive     log_room   how many tics fit
log_first = int(floor(log10(log_low)))
log_last = int(ceil(log10(log_high)))
log_inside(x) = x >= log_low * (1 - 1e-9) && x <= log_high * (1 + 1e-9)
log_count(digits) = sum [d = log_first:log_last] sum [w = 1:words(digits)] \
    log_inside(int(word(digits, w)) * 10.0 ** d)
log_digits = log_count("1 2 5") <= log_room ? "1 2 5" : log_count("1 3") <= log_room ? "1 3" : "1"
log_every = log_digits eq "1" ? 1 + int(log_count("1") - 1) / log_room : 1
eval "set ".log_axis."tics ()"
log_add(x) = sprintf("set %stics add ('%g' %.17g)", log_axis, x, x)
if (log_count("1 2 5") > 2) {
  do for [log_decade = log_first:log_last:log_every] {
    do for [log_digit in log_digits] {
      log_tic = int(log_digit) * 10.0 ** log_decade
      if (log_inside(log_tic)) { eval log_add(log_tic) }
    }
  }
} else {
  # Less than a factor of ten or so: steps of one size, four or five of them.
  log_step = 10.0 ** floor(log10(log_high - log_low))
  log_steps = (log_high - log_low) / log_step
  log_step = log_steps < 2 ? 0.4 * log_step : log_steps < 5 ? log_step : 2 * log_step
  do for [log_k = int(ceil(log_low / log_step)):int(floor(log_high / log_step))] {
    eval log_add(log_k * log_step)
  }
}
