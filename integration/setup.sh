#!/bin/bash
# setup.sh: makes a bare Debian 12 ready to build and test, as root: Debian's packages, and a Go as
# new as go.mod asks for. What is there already is left alone; a second run takes a blink.
set -euo pipefail

checkout=$(realpath "$(dirname "$0")/..")
go_version=1.26.8
packages=(
	ca-certificates git make
	clang llvm gcc libc6-dev linux-libc-dev libbpf-dev libseccomp-dev pkg-config
	apparmor containerd containernetworking-plugins crun iproute2 kmod podman procps runc systemd util-linux
	busybox-static mmdebstrap shellcheck qemu-system-common qemu-system-x86 xz-utils zstd
)

step() { echo "setup: $*" >&2; }

missing() {
	local package
	for package in "${packages[@]}"; do
		if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
			echo "$package"
		fi
	done
}

# go_is_enough tells whether a go command reads this checkout's go.mod, by itself or with a
# toolchain that it fetches.
go_is_enough() { (cd "$checkout" && "$1" list -m >/dev/null 2>&1); }

# fetch_go puts the toolchain, which is a Go module as well, into build/go. Debian's own Go is too
# old to build the project and to switch toolchains, but it downloads modules and checks their sums.
# Modules have no executables and no nested go.mod files: both are restored.
fetch_go() {
	local debian=/usr/lib/go-1.19/bin/go new=$checkout/build/go.new dir
	if [ ! -x $debian ]; then
		step "installing Debian's Go, to fetch a newer one"
		apt-get install -y -qq --no-install-recommends golang-1.19-go >/dev/null
	fi
	step "fetching Go $go_version"
	rm -rf "$new"
	mkdir -p "$new"
	echo 'module fetch' >"$new/go.mod" # this checkout's go.mod is beyond the old Go
	(cd "$new" && GOENV=off GOFLAGS=-modcacherw GO111MODULE=on GOPATH=$new/path \
		$debian mod download "golang.org/toolchain@v0.0.1-go$go_version.linux-amd64")
	dir=$(echo "$new"/path/pkg/mod/golang.org/toolchain@*)
	chmod -R u+w "$dir"
	chmod +x "$dir"/bin/* "$dir"/pkg/tool/*/*
	find "$dir" -name _go.mod -execdir mv {} go.mod \;
	rm -rf "$checkout/build/go"
	mv "$dir" "$checkout/build/go"
	rm -rf "$new"
}

[ "$(id -u)" = 0 ] || { step "must be root"; exit 1; }
# The archive's lists are needed later as well, for kernels and images.
mapfile -t wanted < <(missing)
if [ ${#wanted[@]} -gt 0 ] || ! apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1; then
	step "reading the package lists"
	apt-get update -qq
fi
if [ ${#wanted[@]} -gt 0 ]; then
	step "installing ${wanted[*]}"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
fi
if ! go_is_enough "$checkout/build/go/bin/go" && ! go_is_enough go; then
	fetch_go
	go_is_enough "$checkout/build/go/bin/go" || { step "Go $go_version does not run"; exit 1; }
fi
