# Doxygen's input filter for the library's headers: plain comments become Doxygen's, so
# that the sources stay readable. The comment at the head of a file, and one with a blank line
# behind it, are the file's; one before a declaration is that declaration's, and of those on the
# lines that follow without a blank or a comment between (but NAME_free releases what NAME_new
# gave); one behind a member is the member's. A
# member of a structure may do without, where its name or the structure's comment says enough: it
# gets an empty one. All else must have a comment, or Doxygen warns.

{ line[NR] = $0; whole = whole $0 "\n" }

# Text of a comment without what Doxygen would read as commands.
function escaped(text) {
  gsub(/[\\@<>#%]/, "\\\\&", text)
  gsub(/&/, "\\&amp;", text)
  return text
}

# The text of lines from .. to, without the signs of the comment; indented lines keep their breaks.
function comment_text(from, to, i, text, verbatim, out) {
  for (i = from; i <= to; i++) {
    text = line[i]
    sub(/^ *\/\*/, "", text)
    sub(/\*\/ *$/, "", text)
    if (i > from)
      sub(/^ *\*?/, "", text)
    if (text ~ /^   / && !verbatim++)
      out = out "\n@verbatim"
    else if (text !~ /^   / && verbatim) {
      out = out "\n@endverbatim"
      verbatim = 0
    }
    out = out "\n" (verbatim ? text : escaped(text))
  }
  return out (verbatim ? "\n@endverbatim" : "")
}

function starts_comment(text) { return text ~ /^ *\/\*/ }
function ends_comment(text) { return text ~ /\*\/ *$/ }
function comment_end(i) {
  while (!ends_comment(line[i]))
    i++
  return i
}

# A declaration begins here: not in the middle of one, not a brace, not the preprocessor.
function declares(text) { return text ~ /^( *[A-Za-z_]|#define)/ && text !~ /^ *(extern|typedef) *$/ }

# A line of code with its comment; of several members in one declaration, each by itself.
function put(code, comment, base, rest, part, count, i) {
  if (code ~ /^ .*,.*; *$/ && code !~ /[(]/ &&
      match(code, /^ *((const|struct|enum|unsigned) +)*[A-Za-z_0-9]+ +/)) {
    base = substr(code, 1, RLENGTH)
    rest = substr(code, RLENGTH + 1)
    sub(/; *$/, "", rest)
    count = split(rest, part, ", *")
    for (i = 1; i <= count; i++)
      print comment "\n" base part[i] ";"
  } else
    print (comment == "" ? "" : comment "\n") code
}

# What a function that shares its comment with an earlier one says: for NAME_free after NAME_new,
# this.
function shared_by(code, name) {
  if (!match(code, /[a-z_0-9]+_free\(/))
    return shared
  name = substr(code, RSTART, RLENGTH - 6)
  return first || index(whole, name "_new(") == 0 ? shared : "Release what " name "_new() gave."
}

END {
  shared = ""
  for (i = 1; i <= NR; i++) {
    if (starts_comment(line[i])) {
      last = comment_end(i)
      text = comment_text(i, last)
      if (i == 1 || line[last + 1] ~ /^ *$/) {
        print "/** @file" text "\n*/"
        shared = ""
      } else
        shared = text
      i = last
      first = 1
      continue
    }
    code = line[i]
    if (code ~ /^ *$/ || code ~ /^ *[{}]/ || code ~ /^#(endif|include|ifndef)/)
      shared = ""
    comment = ""
    if (!inside && declares(code)) {
      if (shared != "")
        comment = "/** " shared_by(code) "\n*/"
      else if (code ~ /^ /)
        comment = "/** &zwj; */"
    }
    if (match(code, /\/\*/) && code !~ /^#(endif|include|ifndef)/) {
      last = comment_end(i)
      line[i] = substr(code, RSTART)
      comment = "/** " comment_text(i, last) "\n*/"
      code = substr(code, 1, RSTART - 1)
      i = last
    }
    put(code, comment)
    first = 0
    while (code ~ /\\$/)
      print code = line[++i]
    if (code ~ /^ *[{}#]/ || code ~ /[;{] *$/ || code ~ /^ *$/)
      inside = 0
    else
      inside = inside || code !~ /, *$/ || code ~ /[(]/
    if (code ~ /[{] *$/)
      shared = ""
  }
}
