#!/usr/bin/env bash
# Installs the system packages that some tests and `make demo-arm64` need; skips what is there.
#
#   scripts/install_system_packages.sh [tests|arm64|all]     (default: tests)
#
#   tests   openssh-server, openssh-client, strace, faketime, the shells fish and tcsh,
#           chromium, systemd (a test starts its own, in namespaces)
#   arm64   what scripts/make_board_image.sh needs to build and boot the emulated board
#
# `make demo` needs none of them. Nothing is enabled or started: services stay off.
set -euo pipefail

TESTS="openssh-server openssh-client strace faketime fish tcsh systemd util-linux chromium"
ARM64="mmdebstrap qemu-user-static qemu-system-arm qemu-utils arch-test kmod cpio device-tree-compiler zstd e2fsprogs"

case "${1:-tests}" in
  tests) wanted="$TESTS" ;;
  arm64) wanted="$ARM64" ;;
  all) wanted="$TESTS $ARM64" ;;
  *) echo "usage: $0 [tests|arm64|all]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "not a Debian system: install these yourself where tests ask for them: $wanted"
  exit 0
fi

missing=""
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  echo "system packages: all there ($wanted)"
  exit 0
fi

sudo=""
if [ "$(id -u)" -ne 0 ]; then
  if sudo -n true 2>/dev/null; then
    sudo="sudo"
  else
    echo "system packages missing:$missing"
    echo "install them as root: apt-get install --no-install-recommends$missing"
    exit 0
  fi
fi

echo "installing:$missing"
# Packages may want to start their services; a policy of 101 forbids it while we install.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
  $sudo chmod 755 "$policy"
  trap '$sudo rm -f "$policy"' EXIT
fi
$sudo apt-get update -qq
# shellcheck disable=SC2086  (a list of package names)
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
echo "installed:$missing"
