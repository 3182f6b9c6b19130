# fish completion for bitfount-tray
complete -c bitfount-tray -f
complete -c bitfount-tray -l show -d 'Open the window, of a running Bitfount Tray if there is one'
complete -c bitfount-tray -l hidden -d 'Start without a window, even where no tray icon can be shown'
complete -c bitfount-tray -l quit -d 'End a running Bitfount Tray'
complete -c bitfount-tray -l config -r -F -d 'Read the configuration from this file'
complete -c bitfount-tray -l version -d 'Print the version and end'
