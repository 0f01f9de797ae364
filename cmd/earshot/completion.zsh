#compdef earshot
# zsh completion for earshot: source <(earshot completion zsh)
_earshot() {
	local current="${words[CURRENT]}"
	local -a asked candidates
	asked=("${(@)words[1,CURRENT-1]}")
	[[ "$current" == -* ]] && asked+=("$current")
	candidates=("${(@f)$("${asked[@]}" --generate-bash-completion 2>/dev/null)}")
	if [[ -n "${candidates[1]}" ]]; then
		compadd -- "${candidates[@]}"
	else
		_files
	fi
}
if [[ "${funcstack[1]}" == _earshot ]]; then
	_earshot
else
	compdef _earshot earshot
fi
