#!/bin/sh
# kubectl runs this file to complete `COMMAND`. Save it as COMPLETER in a folder of PATH, and make it executable.
exec PROGRAM __complete "$@"
