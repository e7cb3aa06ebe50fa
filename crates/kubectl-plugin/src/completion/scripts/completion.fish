# Completion for PROGRAM in fish. In ~/.config/fish/config.fish:
#   PROGRAM completion fish | source
# An alias (alias x=PROGRAM) needs no further setup.
function _PROGRAM
    set -l answer (commandline -cp | PROGRAM __completeLine 2>/dev/null)
    set -l directive (string sub -s 2 -- $answer[-1])
    set -l flag (string match -r -- '^-[^=]*=' (commandline -ct))
    set -e answer[-1]
    for candidate in $answer
        printf '%s%s\n' "$flag" $candidate
    end
    if test (count $answer) -eq 0 -a "$directive" = 0
        __fish_complete_path (commandline -ct | string replace -- "$flag" '')
    end
end
complete -c PROGRAM -e
complete -c PROGRAM -f -a '(_PROGRAM)'
