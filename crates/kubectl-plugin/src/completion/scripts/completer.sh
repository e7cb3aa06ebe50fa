#!/bin/sh
# kubectl runs this file, COMPLETER in a folder of PATH, to complete `COMMAND`.
exec PROGRAM __complete "$@"
