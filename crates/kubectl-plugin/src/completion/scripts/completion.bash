# Completion for PROGRAM in bash. In ~/.bashrc:
#   source <(PROGRAM completion bash)
# For an alias of it, one more line:
#   alias x=PROGRAM; complete -o default -F _PROGRAM x
_PROGRAM() {
    local line=${COMP_LINE:0:COMP_POINT} answer directive word before= shown value
    COMPREPLY=()
    answer=$(PROGRAM __completeLine 2>/dev/null <<<"$line") || return
    directive=${answer##*:}
    answer=${answer%:*}
    if [[ $(type -t compopt) == builtin ]]; then
        ((directive & 2)) && compopt -o nospace
        ((directive & 4)) && compopt +o default
    fi

    # What is behind the last `=` or `:` is a word of its own for bash, unless it is quoted.
    word=${line##*[[:space:]]}
    if [[ $word == [\"\']* ]]; then
        word=${word:1}
    else
        [[ $word == -*=* ]] && word=${word#*=}
        [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && before=${word%:*}:
        [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && before=${word%=*}=
    fi

    while IFS= read -r shown; do
        [[ -n $shown ]] || continue
        value=${shown%%$'\t'*}
        if [[ $COMP_TYPE == 63 ]]; then # The second TAB: a list to read.
            [[ $value == /* ]] && value=${value#"${word%/*}/"}
            [[ $shown == *$'\t'* ]] && value+="  (${shown#*$'\t'})"
            COMPREPLY+=("${value:0:${COLUMNS:-80}-1}")
        else
            COMPREPLY+=("${value#"$before"}")
        fi
    done <<<"$answer"
    # A name with a space in it.
    if [[ ${#COMPREPLY[@]} == 1 && $COMP_TYPE != 63 && ${line##*[[:space:]]} != [\"\']* ]]; then
        printf -v value %q "${COMPREPLY[0]}"
        COMPREPLY=("$value")
    fi
}
complete -o default -F _PROGRAM PROGRAM
