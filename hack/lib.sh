# Shared by the scripts in hack/: source it. It sets ROOT and CACHE and has what they all need.
# shellcheck shell=bash
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# What is slow to make and the same for every checkout: the cluster's binaries and the images.
CACHE=${PGRS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pg-rightsizer}
export ROOT CACHE
ME=${0##*/}

say() { printf '%s: %4ds  %s\n' "$ME" "$SECONDS" "$*"; }
die() { printf '%s: %s\n' "$ME" "$*" >&2; exit 1; }

# progress WHAT LOG COMMAND...: runs the command with its output in LOG, and says every ten
# seconds how long it has been at it and what it said last. Ends the script when it fails.
progress() {
	local _what=$1 _log=$2 _start=$SECONDS _ticker _rc=0
	shift 2
	mkdir -p "${_log%/*}"
	: >"$_log"
	say "$_what …"
	( # A builtin is the clock: a child sleep would outlive us and hold our output open.
		exec {never}<> <(:)
		while read -rt 10 -u "$never" _ || kill -0 $$ 2>/dev/null; do
			say "$_what … $((SECONDS - _start)) s, $(wc -l <"$_log") lines, now: $(tail -n 1 "$_log" | cut -c 1-100)"
		done
	) &
	_ticker=$!
	"$@" >"$_log" 2>&1 || _rc=$?
	kill "$_ticker" 2>/dev/null || true
	wait "$_ticker" 2>/dev/null || true
	if ((_rc)); then
		tail -n 20 "$_log" >&2
		die "$_what: failed with exit code $_rc; all of its output is in $_log"
	fi
	say "$_what: $((SECONDS - _start)) s"
}

# with_lock FILE COMMAND...: one at a time on this machine. Says when it has to wait. The command
# may be a function of the caller and sees our variables, hence their names; so in progress.
with_lock() {
	local _file=$1 _fd
	shift
	mkdir -p "${_file%/*}"
	exec {_fd}>"$_file"
	if ! flock -n "$_fd"; then
		say "waiting for another process that holds $_file …"
		flock "$_fd"
	fi
	# The command must not inherit the lock: what it leaves running would hold it for ever.
	# No || here: the command shall still end the script when a step of it fails.
	eval "\"\$@\" $_fd>&-"
	exec {_fd}>&-
}

# hash_of DIRECTORY-OR-FILE...: names, modes and contents, in 12 hex digits.
hash_of() {
	find "$@" -type f -printf '%m %p\n' | LC_ALL=C sort | while read -r mode file; do
		printf '%s %s ' "$mode" "${file#"$ROOT"/}"
		sha256sum <"$file"
	done | sha256sum | cut -c 1-12
}

# apt_mirror: the address of the mirror that serves this machine's own release, whatever the
# format of its sources. No mirror is named in this repository.
apt_mirror() {
	local codename uri release component
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016 # apt expands them
	while read -r uri release component; do
		[[ $release == "$codename" && $component == main ]] || continue
		# Cloud images list their mirrors in a file.
		[[ $uri != mirror+file:* ]] || uri=$(awk '/^[a-z]/ {print $1; exit}' "${uri#mirror+file:}" 2>/dev/null || true)
		[[ $uri != http* && $uri != file:* ]] || { echo "$uri"; return; }
	done < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null)
	die "no source of Debian $codename main in this machine's apt configuration"
}
