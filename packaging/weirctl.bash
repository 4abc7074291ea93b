# SPDX-License-Identifier: Apache-2.0
# bash completion for weirctl: nouns, verbs, options. The words are those of weirctl(8).
_weirctl() {
  local current=${COMP_WORDS[COMP_CWORD]} noun='' verb='' word skip=no
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ "$skip" = yes ]; then skip=no; continue; fi
    case $word in
      -s | --socket) skip=yes ;;
      -*) ;;
      *) if [ -z "$noun" ]; then noun=$word; elif [ -z "$verb" ]; then verb=$word; fi ;;
    esac
  done
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '--help --json --socket --version' -- "$current")
    return
  fi
  case $noun in
    '') word='cache config explain list log purge reload routes status stop tail version' ;;
    cache) word='show stat' ;;
    config) word='fmt show test' ;;
    list) word='lookup' ;;
    log) word='req sql' ;;
    *) word='' ;;
  esac
  if [ -n "$verb" ]; then word=''; fi
  if [ "$noun" = config ] && [ -n "$verb" ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
  fi
}
complete -F _weirctl weirctl
