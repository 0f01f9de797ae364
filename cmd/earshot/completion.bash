# bash completion for earshot: source <(earshot completion bash)
_earshot() {
	local current="${COMP_WORDS[COMP_CWORD]}"
	local -a words=("${COMP_WORDS[@]:0:COMP_CWORD}")
	case "$current" in
	-*) words+=("$current") ;;
	esac
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$current"))
}
complete -o bashdefault -o default -F _earshot earshot
