# Completion of sharpsde for bash. Commands, options and names are asked of the program itself:
# `sharpsde help`, `sharpsde help COMMAND`, `sharpsde list TOPIC`.

# Words at the beginning of the rows of a table, which are indented by two spaces.
_sharpsde_rows() {
  "$@" 2>/dev/null | sed -n 's/^  \([a-z][-a-z0-9]*\)  *[^ ].*/\1/p' | grep -vx sharpsde
}

_sharpsde() {
  local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]}
  local previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words='' files=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="$(_sharpsde_rows "$program" help) help --help --version"
  elif [[ $current == -* ]]; then
    words="$("$program" help "$command" 2>/dev/null | sed -n 's/^  \(-[-a-z]*\).*/\1/p') --help"
  else
    case $command:$previous in
    run:-o) files=directories ;;
    report:-o) files=html ;;
    *:-j | *:--seed | *:--set | *:=) ;;
    run:* | check:*) files=yaml ;;
    plot:* | report:*) files=directories ;;
    help:*) words=$(_sharpsde_rows "$program" help) ;;
    list:*) words=$("$program" help list 2>/dev/null | sed -n '1s/.*\[\(.*\)\].*/\1/p' | tr '|' ' ') ;;
    new:*) words=$(_sharpsde_rows "$program" list studies) ;;
    explain:*) words=$(_sharpsde_rows "$program" list optimizers) ;;
    esac
  fi
  if [ -n "$files" ]; then
    mapfile -t COMPREPLY < <(
      compgen -d -- "$current" || true
      [ "$files" = directories ] || compgen -f -X "!*.$files" -- "$current"
    )
    compopt -o filenames 2>/dev/null || true
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}

complete -F _sharpsde sharpsde
