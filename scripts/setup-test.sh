#!/bin/sh
# Installs the system packages that only tests need: kernels, servers and peers to compare with. As root on Debian or
# Ubuntu; elsewhere it does nothing, and the tests that need them are skipped with their reason. No service is started.
set -eu

PACKAGES='
containernetworking-plugins
iptables
libseccomp-dev
user-mode-linux
busybox-static
crun
runc
'

say() { echo "setup-test: $*"; }

missing=
for package in $PACKAGES; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  say 'all packages for tests are installed'
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  say "not root on Debian or Ubuntu: going on without$missing; the tests that need them are skipped"
  exit 0
fi

# Debian asks this program before it starts a service; 101 means "do not".
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

say "installing$missing (no service is started)"
export DEBIAN_FRONTEND=noninteractive
install_one() { apt-get install -y -qq --no-install-recommends "$1" </dev/null >/dev/null 2>&1; }
# Package lists may be old or absent: fetched at the first failure.
fetched=
for package in $missing; do
  install_one "$package" && continue
  if [ -z "$fetched" ]; then
    fetched=yes
    apt-get update -qq </dev/null >/dev/null 2>&1 || say 'the package lists could not be fetched'
    install_one "$package" && continue
  fi
  say "$package could not be installed; the tests that need it are skipped"
done
