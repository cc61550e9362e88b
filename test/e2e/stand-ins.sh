#!/bin/bash
# Finds the base images of the end-to-end tests and prints their names:
#   DEBIAN_IMAGE=...
#   NODE_IMAGE=...
# The public images are used where they can be had. Where they cannot, stand-ins are made: Debian from
# Debian's packages, Node from the copy on this machine. They are kept, so only the first run takes the time
# (about two minutes). Progress goes to stderr.
set -euo pipefail
shopt -s inherit_errexit

debian_public=debian:bookworm-slim
node_public=node:24-bookworm-slim
# What the mail image needs is put in at once: a stand-in is mostly used where a build reaches no mirror
# fast.
packages=postfix,dnsmasq-base,iproute2,ca-certificates
authorities=/etc/ssl/certs/ca-certificates.crt

say() { printf 'stand-ins: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
have() { docker image inspect "$1" >/dev/null 2>&1; }

command -v node >/dev/null || fail 'node is not on the PATH'
# A changed script, or another Node, makes new images.
tag=$({ cat "${BASH_SOURCE[0]}"; node --version; } | sha256sum | cut -c 1-12)
debian_stand_in=screenpass-standin-debian:$tag
node_stand_in=screenpass-standin-node:$tag

# Two runs at once would make the same images twice.
exec 9>"${TMPDIR:-/tmp}/screenpass-stand-ins.lock"
flock 9

work=$(mktemp -d)
# One file system only: should debootstrap have been killed, its /proc is still mounted below.
trap 'rm -rf --one-file-system "$work"' EXIT

# A stand-in is there because a pull failed before. It is not tried again: a network that drops packets
# would cost each run the whole time limit.
choose() { # public image, stand-in, function that makes the stand-in
  if have "$1"; then echo "$1"
  elif have "$2"; then echo "$2"
  elif timeout 20 docker pull --quiet "$1" >/dev/null 2>&1; then echo "$1"
  else
    say "cannot pull $1: making $2"
    "$3" >&2
    echo "$2"
  fi
}

make_debian() {
  [ "$(id -u)" = 0 ] || fail 'debootstrap needs root'
  command -v debootstrap >/dev/null || fail 'debootstrap is not installed: apt-get install debootstrap'
  local root=$work/debian
  debootstrap --variant=minbase --include="$packages" bookworm "$root" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 20 "$work/debootstrap.log" >&2; fail 'debootstrap failed'; }
  # A machine behind an inspecting proxy has an authority of its own; builds here need it as well.
  if [ -s "$authorities" ]; then cp "$authorities" "$root$authorities"; fi
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$debian_stand_in"
  rm -rf --one-file-system "$root"
}

make_node() {
  have "$debian_stand_in" || make_debian
  local context=$work/node npm
  npm=$(npm root -g)/npm
  [ -f "$npm/bin/npm-cli.js" ] || npm=$(dirname "$(dirname "$(realpath "$(command -v npm)")")")
  [ -f "$npm/bin/npm-cli.js" ] || fail "npm is not whole in one directory: $npm"
  mkdir "$context"
  cp -L "$(node -p process.execPath)" "$context/node"
  cp -RL "$npm" "$context/npm"
  # The last line is the test: a Node that needs libraries of this machine fails here, not in a later build.
  docker build --quiet --tag "$node_stand_in" --file - "$context" <<END
FROM $debian_stand_in
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && mkdir -p /usr/local/etc && echo 'cafile=$authorities' >/usr/local/etc/npmrc \
 && node --version && npm --version
CMD ["node"]
END
}

debian=$(choose "$debian_public" "$debian_stand_in" make_debian)
node=$(choose "$node_public" "$node_stand_in" make_node)
printf 'DEBIAN_IMAGE=%s\nNODE_IMAGE=%s\n' "$debian" "$node"
