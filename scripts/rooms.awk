# The rooms, lowest first, and which of them a room may use: itself and those before it in the list.
# Pictures and report read results as files: of the command's rooms they use io and results alone.
# Read by check_floors.sh and check_symbols.sh.
BEGIN {
  rooms = split("sde models analysis experiments/io experiments/recipe experiments/cases " \
                "experiments/results experiments/studies experiments/pictures experiments/report " \
                "experiments/command", room_list)
  for (i = 1; i <= rooms; i++)
    rank[room_list[i]] = i
}

# "models" of models/loss.h, "experiments/io" of experiments/io/text.h; others are no rooms.
function room_of(path, part) {
  split(path, part, "/")
  return part[1] == "experiments" ? part[1] "/" part[2] : part[1]
}

# Examples use what programs of others do: the library.
function may_use(from, to) {
  if (from == "examples")
    return rank[to] <= rank["analysis"]
  if (from == to || !(from in rank) || rank[to] <= rank["experiments/io"])
    return from == to || !(from in rank) || rank[to] <= rank[from]
  if (from == "experiments/pictures" || from == "experiments/report")
    return to == "experiments/results"
  return rank[to] <= rank[from]
}
