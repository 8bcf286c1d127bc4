#!/bin/sh
# Installs or upgrades Sluice on this machine: dist/ of this checkout becomes /opt/sluice/<build>, and /opt/sluice/current leads there.
#   sudo infra/systemd/install.sh            install or upgrade, then (re)start
#   sudo infra/systemd/install.sh rollback   back to the build before
# SLUICE_ROOT (default: none) is put before every path, and then nothing is started: for packages, and for trying it out.
set -eu

root=${SLUICE_ROOT:-}
here=$(cd "$(dirname "$0")/../.." && pwd)
dist=${DIST:-$here/dist}
builds=$root/opt/sluice
unit=$root/etc/systemd/system/sluice.service
env=$root/etc/sluice/sluice.env

say() { printf '%s\n' "$*"; }
fail() { say "✗ $*" >&2; exit 1; }

# The link is replaced in one step: whoever starts in between finds the old build or the new one.
switch_to() {
  ln -sfn "$1" "$builds/current.new"
  mv -T "$builds/current.new" "$builds/current"
}

start() {
  [ -z "$root" ] || { say "installed below $root; nothing was started"; return; }
  systemctl daemon-reload
  systemctl enable sluice >/dev/null 2>&1 || fail "systemctl enable sluice failed"
  systemctl restart sluice || fail "it did not start: journalctl -u sluice -n 50"
  say "✔ started; its log: journalctl -u sluice -f"
}

if [ "${1:-}" = rollback ]; then
  [ -e "$builds/previous" ] || fail "there is no build before this one in $builds"
  back=$(readlink "$builds/previous")
  ln -sfn "$(readlink "$builds/current")" "$builds/previous"
  switch_to "$back"
  say "✔ current is $back"
  start
  exit 0
fi

# node:sqlite needs no flag from 22.13 on.
node=${NODE:-$(command -v node || true)}
[ -n "$node" ] && [ -x "$node" ] || fail "there is no node; install Node 22.13 or later, or say where it is: NODE=/path/to/node"
"$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 13) ? 0 : 1)' ||
  fail "$node is $("$node" --version); Node 22.13 or later is needed"
[ -f "$dist/node.mjs" ] || fail "$dist/node.mjs is missing: npm ci && npm run bundle"
build=${BUILD_ID:-$(git -C "$here" describe --always --dirty --abbrev=12 2>/dev/null || date -u +%Y%m%d%H%M%S)}
mkdir -p "$builds/$build" "$(dirname "$unit")" "$(dirname "$env")/secrets"
chmod 0700 "$(dirname "$env")/secrets"
cp "$dist"/*.mjs "$builds/$build/"
chmod -R a+rX "$builds"
if [ ! -e "$env" ]; then
  # Only root reads it: systemd does before it starts the service.
  (umask 077 && sed "s/^BUILD_ID=.*/BUILD_ID=$build/" "$here/infra/systemd/sluice.env.example" > "$env")
  say "! fill in $env"
else
  (umask 077 && sed "/^BUILD_ID=/d" "$env" > "$env.new" && printf 'BUILD_ID=%s\n' "$build" >> "$env.new" && mv "$env.new" "$env")
fi
sed "s#^ExecStart=[^ ]*#ExecStart=$node#" "$here/infra/systemd/sluice.service" > "$unit"
if [ -e "$builds/current" ] && [ "$(readlink "$builds/current")" != "$build" ]; then
  ln -sfn "$(readlink "$builds/current")" "$builds/previous"
fi
switch_to "$build"
say "✔ current is $build"
start
