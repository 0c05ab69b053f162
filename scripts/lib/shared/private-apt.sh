# SPDX-License-Identifier: GPL-2.0-only
# To be sourced. Makes private package lists from the system's, so that more suites and sources can
# be read while /etc and /var stay unchanged. Needs no root. apt checks signatures and checksums as
# usual.

# private_apt DIR: make the new folder DIR and change to it; own_lists and own_apt work there.
private_apt() {
	mkdir -p "$1/parts" "$1/lists/partial" "$1/cache/archives/partial"
	cd "$1" || return 1
}

# own_lists TYPE [SUITE]: add the system's entries of its own release as entries of TYPE (deb or
# deb-src). With SUITE, add that suite instead, from the archive of the plain release only (without
# its -updates, -security and so on).
own_lists() {
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	if [ $# -gt 1 ]; then
		name=$release put=$2
	else
		name="${release}[^ \t]*" put='\3'
	fi
	eval "$(apt-config shell list Dir::Etc::sourcelist/f folder Dir::Etc::sourceparts/d)"
	own=parts/$1-${2:-$release}
	for file in "${list:?}" "${folder:?}"/*.list; do
		[ ! -f "$file" ] || cat "$file"
	done | sed -En "s/^deb[ \t]+((\[[^]]*\][ \t]*)?[^ \t]+)[ \t]+($name)[ \t]/$1 \1 $put /p" \
		>"$own.list"
	for file in "$folder"/*.sources; do
		[ ! -f "$file" ] || { cat "$file" && echo; }
	done | awk -v type="$1" -v suite="${2:-}" -v name="[ \t]$name([ \t]|\$)" '
		function end_entry() { if (ours) print entry; entry = ""; ours = 0 }
		/^#/		{ next }
		/^[ \t]*$/	{ end_entry(); next }
		/^Types:/	{ $0 = "Types: " type }
		/^Suites:/	{ ours = $0 ~ name; if (suite) $0 = "Suites: " suite }
				{ entry = entry $0 "\n" }
		END		{ end_entry() }' >"$own.sources"
	[ -s "$own.list" ] || [ -s "$own.sources" ] || {
		echo "apt's lists here have no entry for '$release'" >>log
		return 1
	}
}

# own_apt TOOL ARGS...: run an apt tool on the private lists; its messages go to the file log. The
# sandbox is off, because its user may have no access to this folder.
own_apt() {
	tool=$1
	shift
	"$tool" -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$PWD/parts" \
		-o Dir::State::lists="$PWD/lists" -o Dir::Cache="$PWD/cache" \
		-o APT::Update::Error-Mode=any -o APT::Sandbox::User=root "$@" 2>>log
}
