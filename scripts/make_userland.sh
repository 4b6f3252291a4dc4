#!/usr/bin/env bash
# Builds the userland of an emulated board: Debian 12 for another processor, without a kernel.
#
#   scripts/make_userland.sh arm64|armhf [FOLDER]     (default: edgekit's cache, boards/ARCH-user)
#
# `edgekit board up --kind arm64-user` (or armv7-user) runs it under qemu-user on this machine's kernel.
# Needs root and apt; first says and installs what it needs (scripts/install_system_packages.sh), takes
# Debian's own packages from the sources this machine uses, and runs no foreign instruction: about 30 s.
# One that is up to date is kept. Nothing outside FOLDER is changed.
#
# Result in FOLDER: root/, VERSION
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
arch=${1:-}
case "$arch" in
  arm64) kind=arm64-user more= ;;
  armhf) kind=armv7-user more=,python3-numpy ;; # the package index has no numpy for 32-bit ARM
  *) echo "usage: $0 arm64|armhf [FOLDER]" >&2; exit 2 ;;
esac
cache=${EDGEKIT_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/edgekit}
folder=$(realpath -m "${2:-$cache/boards/$kind}")
version=$(sha256sum "$0" | cut -c1-16)

if [ -f "$folder/VERSION" ] && [ "$(cat "$folder/VERSION")" = "$version" ]; then
  echo "the $kind userland is there: $folder"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "building the $kind userland needs root: sudo -E bash $0 $arch" >&2
  exit 1
fi
bash "$here/install_system_packages.sh" arm64
mkdir -p "$folder"
work=$(mktemp -d "$folder/build-XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
echo "building the $kind userland in $folder"

# One plain suite from the machine's own source file; no mirror is named here.
sources=$work/board.sources
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
  awk 'BEGIN{RS="";ORS="\n\n"} NR==1' /etc/apt/sources.list.d/debian.sources \
    | sed 's/^Suites:.*/Suites: bookworm/' > "$sources"
else
  sources=$work/board.list
  grep -E '^deb ' /etc/apt/sources.list | head -1 | sed -E 's/ (bookworm|trixie)[a-z-]* / bookworm /' > "$sources"
fi

packages=base-files,base-passwd,bash,coreutils,dash,diffutils,findutils,grep,gzip,tar,sed,gawk,hostname,login,passwd
packages=$packages,procps,util-linux,mount,libc-bin,debianutils,python3,openssh-server,openssh-sftp-server
packages=$packages,libstdc++6,libgomp1$more
mmdebstrap --quiet --arch="$arch" --variant=extract --include="$packages" \
  --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --format=directory bookworm "$root" "$sources"

# What the packages' own scripts would have done.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
sed -i '/^root:/s#:[^:]*$#:/bin/bash#; /^root:/s#:\*:#:x:#' "$root/etc/passwd"
echo 'sshd:x:100:65534::/run/sshd:/usr/sbin/nologin' >> "$root/etc/passwd"
echo 'board:x:1000:1000:board:/home/board:/bin/bash' >> "$root/etc/passwd"
echo 'board:x:1000:' >> "$root/etc/group"
awk -F: '{print $1":*:19000:0:99999:7:::"}' "$root/etc/passwd" > "$root/etc/shadow"
chmod 640 "$root/etc/shadow"
mkdir -p "$root/home/board/.ssh" "$root/run/sshd" "$root/root"
[ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
[ -e "$root/usr/bin/awk" ] || ln -s gawk "$root/usr/bin/awk"
for library in blas lapack; do
  for place in "$root"/usr/lib/*-linux-gnu*/"$library"; do
    [ -d "$place" ] && ln -sf "$library/lib$library.so.3" "$(dirname "$place")/lib$library.so.3"
  done
done
echo "127.0.0.1 localhost" > "$root/etc/hosts"
: > "$root/etc/machine-id"
ldconfig -r "$root" 2>/dev/null || true
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
chown -R 1000:1000 "$root/home/board"

rm -rf "$folder/root" "$folder/VERSION"
mv "$root" "$folder/root"
echo "$version" > "$folder/VERSION"
echo "the $kind userland is ready: $folder ($(du -sm "$folder/root" | cut -f1) MB)"
