#!/usr/bin/env bash
# Builds the emulated arm64 board: a Debian 12 arm64 disk image with its own kernel and SSH server.
#
#   scripts/make_board_image.sh [FOLDER]     (default: edgekit's cache, boards/arm64)
#
# Needs root and apt. It first says and installs the packages it needs (scripts/install_system_packages.sh),
# takes Debian's own packages from the sources this machine uses, and builds everything without running a
# foreign instruction: about 40 s. An image that is up to date is kept. Nothing outside FOLDER is changed.
#
# Result in FOLDER: vmlinuz, initrd, root.img, board.dtb, id_ed25519, hostkey.pub, VERSION
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${EDGEKIT_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/edgekit}
folder=$(realpath -m "${1:-$cache/boards/arm64}")
version=$(sha256sum "$0" | cut -c1-16)

if [ -f "$folder/VERSION" ] && [ "$(cat "$folder/VERSION")" = "$version" ]; then
  echo "the arm64 board image is there: $folder"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "building the arm64 board image needs root: sudo -E bash $0" >&2
  exit 1
fi
bash "$here/install_system_packages.sh" arm64

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
echo "building the arm64 board image in $folder"

# One plain suite from the machine's own source file; no mirror is named here.
sources=$work/board.sources
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
  awk 'BEGIN{RS="";ORS="\n\n"} NR==1' /etc/apt/sources.list.d/debian.sources \
    | sed 's/^Suites:.*/Suites: bookworm/' > "$sources"
else
  grep -E '^deb ' /etc/apt/sources.list | head -1 | sed -E 's/ (bookworm|trixie)[a-z-]* / bookworm /' > "$work/board.list"
  sources=$work/board.list
fi

packages=base-files,base-passwd,bash,coreutils,dash,diffutils,findutils,grep,gzip,tar,sed,gawk,hostname,login,passwd
packages=$packages,procps,util-linux,mount,libc-bin,debianutils,python3,openssh-server,openssh-sftp-server,iproute2
packages=$packages,kmod,libstdc++6,libgomp1,linux-image-cloud-arm64,busybox-static
mmdebstrap --quiet --arch=arm64 --variant=extract --include="$packages" \
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
mkdir -p "$root/home/board/.ssh" "$root/root"
[ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
[ -e "$root/usr/bin/awk" ] || ln -s gawk "$root/usr/bin/awk"
echo "127.0.0.1 localhost" > "$root/etc/hosts"
echo edgekit-arm64 > "$root/etc/hostname"
: > "$root/etc/machine-id"
echo '/dev/vda / ext4 rw,relatime,errors=remount-ro 0 1' > "$root/etc/fstab"
ldconfig -r "$root" 2>/dev/null || true
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*

# Keys: one for the client, one for the board; both stay in FOLDER.
mkdir -p "$folder"
rm -f "$folder/VERSION" "$folder/board.img"
[ -f "$folder/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C edgekit -f "$folder/id_ed25519"
ssh-keygen -q -t ed25519 -N '' -C board -f "$root/etc/ssh/ssh_host_ed25519_key"
cp "$root/etc/ssh/ssh_host_ed25519_key.pub" "$folder/hostkey.pub"
cp "$folder/id_ed25519.pub" "$root/home/board/.ssh/authorized_keys"
chmod 700 "$root/home/board/.ssh"
chmod 600 "$root/home/board/.ssh/authorized_keys"
chown -R 1000:1000 "$root/home/board"
cat > "$root/etc/ssh/sshd_config" <<'CONFIG'
HostKey /etc/ssh/ssh_host_ed25519_key
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
UseDNS no
Subsystem sftp internal-sftp
CONFIG
cat > "$root/sbin/board-init" <<'INIT'
#!/bin/sh
# pid 1 of the board: network, SSH, nothing else. Login is possible within seconds.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mountpoint -q /proc || mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd /run/lock
cat /etc/hostname > /proc/sys/kernel/hostname
modprobe virtio_net
ip link set lo up
for i in $(ls /sys/class/net); do [ "$i" = lo ] || E=$i; done
ip link set "$E" up
ip addr add 10.0.2.15/24 dev "$E"
ip route add default via 10.0.2.2
/usr/sbin/sshd
while :; do sleep 3600 & wait $!; done
INIT
chmod 755 "$root/sbin/board-init"

# Kernel, a small initramfs with the disk driver, the disk image.
kernel=$(basename "$root"/lib/modules/*)
cp "$root/boot/vmlinuz-$kernel" "$folder/vmlinuz"
depmod -b "$root" "$kernel"
ram=$work/initramfs
mkdir -p "$ram"/{bin,dev,proc,sys,mnt,mod}
cp "$root/bin/busybox" "$ram/bin/"
for applet in sh mount insmod switch_root sleep; do ln -s busybox "$ram/bin/$applet"; done
modules=""
for driver in virtio_mmio virtio_blk; do
  for file in $(awk -v m="/$driver.ko" 'index($1, m":") {n=split($0,a," "); for (i=n;i>1;i--) print a[i]; sub(":","",a[1]); print a[1]}' "$root/lib/modules/$kernel/modules.dep"); do
    name=$(basename "$file")
    cp "$root/lib/modules/$kernel/$file" "$ram/mod/"
    case " $modules " in *" $name "*) ;; *) modules="$modules $name" ;; esac
  done
done
cat > "$ram/init" <<INIT
#!/bin/sh
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
for m in $modules; do insmod /mod/\$m; done
n=0; until [ -b /dev/vda ] || [ \$n -gt 200 ]; do sleep 0.05; n=\$((n+1)); done
mount -t ext4 -o rw /dev/vda /mnt || exec sh
mount --move /dev /mnt/dev; mount --move /proc /mnt/proc; mount --move /sys /mnt/sys
exec switch_root /mnt /sbin/board-init
INIT
chmod 755 "$ram/init"
(cd "$ram" && find . | cpio -o -H newc --quiet | gzip -1) > "$folder/initrd"
rm -f "$folder/root.img"
truncate -s 2000M "$folder/root.img"
mkfs.ext4 -q -F -m 0 -O ^metadata_csum_seed -L board -d "$root" "$folder/root.img"

# A device tree that names the board it stands for, and that it is emulated.
qemu-system-aarch64 -machine "virt,dumpdtb=$folder/board.dtb" -cpu cortex-a72 -smp 1 -m 1024 \
  -device virtio-blk-device,drive=d0 -drive "if=none,id=d0,file=$folder/root.img,format=raw,readonly=on" \
  -device virtio-net-device,netdev=n0 -netdev user,id=n0 \
  -object rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-device,rng=rng0 \
  -display none > /dev/null 2>&1
fdtput -t s "$folder/board.dtb" / model "Raspberry Pi 4 Model B Rev 1.4 (emulated)"
fdtput -t s "$folder/board.dtb" / compatible "raspberrypi,4-model-b" "brcm,bcm2711" "linux,dummy-virt"

echo "$version" > "$folder/VERSION"
echo "the arm64 board image is ready: $folder ($(du -sm "$folder" | cut -f1) MB)"
