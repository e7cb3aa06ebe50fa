@rem kubectl runs this file, COMPLETER.cmd in a folder of PATH, to complete `COMMAND`.
@PROGRAM __complete %*
