# The table that `make demo` ends with: tr V at time `at` from series.csv of the diabetes recipe,
# and the decay rates from decay.csv of the valley.
BEGIN { FS = "," }
FNR == 1 {
  files++
  for (i = 1; i <= NF; i++) column[files, $i] = i
  next
}
files == 1 && $column[1, "observable"] == "noise-trace" && $column[1, "time"] <= at + 1e-9 {
  m = $column[1, "micro_batch"]
  if (!(m in seen)) { seen[m] = 1; order[++count] = m }
  process = $column[1, "process"] $column[1, "sde"]
  mean[m, process] = $column[1, "mean"]
  se[m, process] = $column[1, "se"]
  time = $column[1, "time"]
}
files == 2 { row[++rows] = $0 }
function cell(m, process) { return sprintf("%.4f +- %.4f", mean[m, process], se[m, process]) }
END {
  print "Diabetes data, m-USAM: tr V at time " time + 0 ", mean +- standard error"
  printf "  %-8s %-20s %-20s %s\n", "m", "iterates", "SDE", "SDE without variance term"
  for (i = 1; i <= count; i++)
    printf "  %-8s %-20s %-20s %s\n", order[i], cell(order[i], "iterates"),
      cell(order[i], "sde0"), cell(order[i], "sde1")
  print ""
  print "The valley: rate at which the mean of u^2 - v^2 decays (closed form to leading order)"
  printf "  %-8s %-12s %-12s %-12s %s\n", "m", "iterates", "SDE", "closed form", "without variance term"
  for (i = 1; i <= rows; i++) {
    split(row[i], f, ",")
    label = f[column[2, "micro_batch"]] == "" ? f[column[2, "optimizer"]] : f[column[2, "micro_batch"]]
    printf "  %-8s %-12.5f %-12.5f %-12.5f %.5f\n", label, f[column[2, "rate"]],
      f[column[2, "sde_rate"]], f[column[2, "closed_form"]], f[column[2, "without_variance_term"]]
  }
}
