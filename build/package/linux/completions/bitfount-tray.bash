# bash completion for bitfount-tray                        -*- shell-script -*-

_bitfount_tray() {
	local word=${COMP_WORDS[COMP_CWORD]}
	if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --config ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W '--show --hidden --quit --config --version' -- "$word")
}
complete -F _bitfount_tray bitfount-tray
