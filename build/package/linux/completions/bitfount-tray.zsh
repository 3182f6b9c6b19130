#compdef bitfount-tray

_arguments \
	'(--hidden --quit --version)--show[open the window, of a running Bitfount Tray if there is one]' \
	'(--show --quit --version)--hidden[start without a window, even where no tray icon can be shown]' \
	'(--show --hidden --version)--quit[end a running Bitfount Tray]' \
	'--config[read the configuration from this file]:file:_files' \
	'(--show --hidden --quit)--version[print the version and end]'
