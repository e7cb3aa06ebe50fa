# Completion for PROGRAM in bash. In ~/.bashrc:
#   source <(PROGRAM completion bash)
# For an alias, add a line:
#   alias x=PROGRAM; complete -o default -F _PROGRAM x
_PROGRAM() {
    local line=${COMP_LINE:0:COMP_POINT} answer directive word before= quote= flag= shown value
    COMPREPLY=()
    answer=$(PROGRAM __completeLine 2>/dev/null <<<"$line") || return
    directive=${answer##*:}
    answer=${answer%:*}
    if [[ $(type -t compopt) == builtin ]]; then
        ((directive & 2)) && compopt -o nospace
        ((directive & 4)) && compopt +o default
    fi

    # Bash replaces $2, which starts at an open quote or after a word break such as `=`, `:` or `@`. A word
    # may have more text before it.
    local piece='[^[:space:]\"'\'']|\\.|"([^\"]|\\.)*"|'\''[^'\'']*'\'
    local start="^(($piece)*[[:space:]])*(($piece)*)([\"']?)\$"
    if [[ ${line%"$2"} =~ $start ]]; then
        before=${BASH_REMATCH[4]} quote=${BASH_REMATCH[7]}
    fi
    if [[ $before == -*=* ]]; then
        before=${before#*=}
    elif [[ $2 == -*=* ]]; then # `=` is not a word break for users who removed it from COMP_WORDBREAKS.
        flag=${2%%=*}=
    fi
    before=${before//[\\\"\']/}
    word=$before${2#"$flag"}

    while IFS= read -r shown; do
        [[ -n $shown ]] || continue
        value=${shown%%$'\t'*}
        if [[ $COMP_TYPE == 63 ]]; then # The second TAB shows a list.
            [[ $value == /* ]] && value=${value#"${word%/*}/"}
            [[ $shown == *$'\t'* ]] && value+="  (${shown#*$'\t'})"
            COMPREPLY+=("${value:0:${COLUMNS:-80}-1}")
        else
            _PROGRAM_quote "$quote" "${value#"$before"}"
            COMPREPLY+=("$flag$value")
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
