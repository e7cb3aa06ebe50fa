#compdef PROGRAM
# Completion for PROGRAM in zsh. In ~/.zshrc, after compinit:
#   source <(PROGRAM completion zsh)
# An alias needs no further setup, unless COMPLETE_ALIASES is set:
#   alias x=PROGRAM; compdef _PROGRAM x
_PROGRAM() {
    local line="${(j: :)words[1,CURRENT-1]} $IPREFIX$QIPREFIX$PREFIX"
    local -a answer values space
    answer=("${(@f)$(PROGRAM __completeLine 2>/dev/null <<<"$line")}")
    local -i directive=${${answer[-1]}#:}
    answer=("${(@)answer[1,-2]}")
    (( directive & 2 )) && space=(-S '')

    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    if [[ $PREFIX == /* ]]; then
        # Shows the last segment only.
        local before=${PREFIX%/*}/
        compset -P '*/'
        answer=("${(@)answer#$before}")
    fi
    if (( ! ${#answer} )); then
        (( directive & 4 )) || _files
        return
    fi
    local candidate value
    for candidate in "${(@)answer}"; do
        value=${candidate%%$'\t'*}
        candidate=${candidate#"$value"}
        values+=("${value//:/\\:}${candidate/$'\t'/:}")
    done
    _describe -t values 'COMMAND' values "${(@)space}"
}
# In a folder of fpath, this file is the body of the function itself.
if [[ ${funcstack[1]} == _PROGRAM ]]; then
    _PROGRAM "$@"
else
    compdef _PROGRAM PROGRAM
fi
