@rem kubectl runs this file to complete `COMMAND`. Save it as COMPLETER.cmd in a folder of PATH.
@PROGRAM __complete %*
