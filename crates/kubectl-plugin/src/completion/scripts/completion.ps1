# Completion for PROGRAM in PowerShell. In $PROFILE:
#   PROGRAM completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName 'PROGRAM' -ScriptBlock {
    param($word, $line, $cursor)
    $typed = $line.ToString()
    $end = [Math]::Min($typed.Length, $cursor - $line.Extent.StartOffset)
    $typed = $typed.Substring(0, $end)
    if ($word -eq '') { $typed += ' ' }
    $flag = if ($word -match '^-[^=]*=') { $Matches[0] } else { '' }
    $typed | PROGRAM __completeLine 2>$null | Where-Object { $_ -notmatch '^:\d+$' } | ForEach-Object {
        $value, $description = $_ -split "`t", 2
        if (-not $description) { $description = $value }
        # Quotes keep the shell from running any part of a name.
        $text = "$flag$value"
        if ($text -match '[^\w./:=%+-]') { $text = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $description)
    }
}
