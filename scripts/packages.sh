# Sourced: installs Debian packages, and does nothing at all, quickly, when none is missing.

# missing_packages NAME...: those that are not installed, one a line.
missing_packages() {
  comm -23 <(printf '%s\n' "$@" | sort -u) \
           <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' | sort -u)
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "need root for: $* (run as root, or install sudo)" >&2
    return 4
  fi
}

# install_packages NAME...: installs them. Services in them are not started: a package that the project needs for its
# tests must not open a port on the machine.
install_packages() {
  echo "installing: $*"
  local policy=/usr/sbin/policy-rc.d made=0
  if [ ! -e $policy ]; then
    made=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null && as_root chmod 755 $policy
  fi
  local status=0
  { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@"; } || status=$?
  if [ $made = 1 ]; then as_root rm -f $policy; fi
  if [ $status != 0 ]; then
    echo "apt-get could not install: $* (its message is above; this is written for Debian 12)" >&2
  fi
  return $status
}
