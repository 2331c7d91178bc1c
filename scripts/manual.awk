# Turns one command's `--help`, printed without line breaks (COLUMNS=10000), into the body of a manual section.
# What stands before USAGE is prose, its indented lines are examples; after it come lists of `  NAME   description`.

function escape(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  return (text ~ /^[.']/) ? "\\&" text : text
}

function literal(on) {
  if (on != in_literal) print on ? ".PP\n.RS 4\n.nf" : ".fi\n.RE"
  in_literal = on
}

BEGIN { part = "prose" }

/^USAGE: / {
  literal(0)
  print ".PP\n.B Usage:\n" escape(substr($0, 8))
  part = "usage"
  next
}

part != "prose" && /^[A-Z][A-Za-z ]*:$/ {
  part = ($0 == "SUBCOMMANDS:") ? "skipped" : "list"
  if (part == "list") print ".PP\n.B " substr($0, 1, 1) tolower(substr($0, 2))
  next
}

part == "prose" && /^ / { literal(1); print escape(substr($0, 3)); next }
part == "prose" && /^$/ { if (!in_literal) print ".PP"; next }
part == "prose" {
  literal(0)
  sub(/^OVERVIEW: /, "")
  print escape($0)
  next
}

part == "usage" && /[^ ]/ { sub(/^ */, ""); print ".br\n" escape($0); next }

part == "list" && /^  [^ ]/ {
  name = substr($0, 3)
  description = ""
  # Descriptions start in column 27, after a single space where the name fills its field; a longer name stands alone.
  if (substr($0, 26, 1) == " " && substr($0, 27, 1) ~ /[^ <]/) {
    name = substr($0, 3, 23)
    sub(/ *$/, "", name)
    description = substr($0, 27)
  }
  print ".TP\n.B " escape(name)
  if (description != "") print escape(description)
  next
}

part == "list" && /[^ ]/ { sub(/^ */, ""); print escape($0) }

END { literal(0) }
