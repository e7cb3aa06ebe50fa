# Completion for PROGRAM in bash. In ~/.bashrc:
#   source <(PROGRAM completion bash)
# For an alias, add a line:
#   alias x=PROGRAM; complete -o default -F _PROGRAM x
_PROGRAM() {
    local line=${COMP_LINE:0:COMP_POINT} answer directive word before= quote= shown value
    COMPREPLY=()
    answer=$(PROGRAM __completeLine 2>/dev/null <<<"$line") || return
    directive=${answer##*:}
    answer=${answer%:*}
    if [[ $(type -t compopt) == builtin ]]; then
        ((directive & 2)) && compopt -o nospace
        ((directive & 4)) && compopt +o default
    fi

    # Unless it is quoted, bash starts a new word after `=` and `:`.
    word=${line##*[[:space:]]}
    if [[ $word == [\"\']* ]]; then
        quote=${word:0:1} word=${word:1}
    else
        [[ $word == -*=* ]] && word=${word#*=}
        [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && before=${word%:*}:
        [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && before=${word%=*}=
    fi

    while IFS= read -r shown; do
        [[ -n $shown ]] || continue
        value=${shown%%$'\t'*}
        if [[ $COMP_TYPE == 63 ]]; then # The second TAB shows a list.
            [[ $value == /* ]] && value=${value#"${word%/*}/"}
            [[ $shown == *$'\t'* ]] && value+="  (${shown#*$'\t'})"
            COMPREPLY+=("${value:0:${COLUMNS:-80}-1}")
        else
            _PROGRAM_quote "$quote" "${value#"$before"}"
            COMPREPLY+=("$value")
        fi
    done <<<"$answer"
}

# Sets `value` to $2, escaped for a word that starts with the quote $1, so that the shell runs no part of it.
_PROGRAM_quote() {
    value=$2
    if [[ $1 == \' ]]; then
        value=${value//\'/\'\\\'\'}
    elif [[ $1 == \" ]]; then
        value=${value//\\/\\\\}
        value=${value//\"/\\\"}
        value=${value//\$/\\\$}
        value=${value//\`/\\\`}
    elif [[ $value == *[!A-Za-z0-9_./:=@%,+-]* ]]; then
        printf -v value %q "$value"
    fi
}
complete -o default -F _PROGRAM PROGRAM
