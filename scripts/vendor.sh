#!/bin/sh
# Puts the scripts of others that our pages use, unmodified, into web/vendor, from the registry that npm is configured
# for. `scripts/vendor.sh` after a version below was changed; what is fetched must have the checksum written here, and
# `tests/dependencies.rs` compares the files with it. Without a build step: these are the files that the package holds.
set -eu

version="4.8.4"
script="d5d79a35039e860b32bdef4795528b05c2f788d4b2d9dacc913120e2878f7b3f  web/vendor/socket.io.min.js"
licence="73cb68c437d59e066f9386ef97be57298df4db119fdbd7d7150817c6dbd9f189  web/vendor/socket.io.LICENSE.txt"

command -v npm >/dev/null || { echo "npm is needed: apt-get install npm" >&2; exit 1; }
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
package=$(npm pack --silent --pack-destination "$folder" "socket.io-client@$version")
tar -xzf "$folder/$package" -C "$folder"
mkdir -p web/vendor
cp "$folder/package/dist/socket.io.min.js" web/vendor/socket.io.min.js
cp "$folder/package/LICENSE" web/vendor/socket.io.LICENSE.txt
printf '%s\n%s\n' "$script" "$licence" | sha256sum --check --strict
