#!/bin/sh
# Puts the scripts of others that our pages use, unmodified, into web/vendor, from the registry that npm is configured
# for. `scripts/vendor.sh` after a version below was changed; what is fetched must have the checksum written here, and
# `tests/dependencies.rs` compares the files with it.
set -eu

socket_io="4.8.4"
mediasoup="3.24.1"
# mediasoup-client comes as modules: bundled into one file by this.
esbuild="0.28.2"
socket_io_script="d5d79a35039e860b32bdef4795528b05c2f788d4b2d9dacc913120e2878f7b3f  web/vendor/socket.io.min.js"
socket_io_licence="73cb68c437d59e066f9386ef97be57298df4db119fdbd7d7150817c6dbd9f189  web/vendor/socket.io.LICENSE.txt"
mediasoup_script="4d8a6f9e46c9b24d5b2e61714bcc8466383aef9385419c30a3c2bf7188d84b0a  web/vendor/mediasoup-client.js"
mediasoup_licence="bf776e9c7d11e8c8887ddef053c0f032527e3edeaa46f11066acfdaedc1aac12  web/vendor/mediasoup-client.LICENSE.txt"

command -v npm >/dev/null || { echo "npm is needed: apt-get install npm" >&2; exit 1; }
cd "$(dirname "$0")/.."
target=$(pwd)/web/vendor
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$target"

package=$(npm pack --silent --pack-destination "$folder" "socket.io-client@$socket_io")
tar -xzf "$folder/$package" -C "$folder"
cp "$folder/package/dist/socket.io.min.js" "$target/socket.io.min.js"
cp "$folder/package/LICENSE" "$target/socket.io.LICENSE.txt"

# What mediasoup-client needs, at the versions that it was tried with.
(
    cd "$folder"
    npm init -y >/dev/null
    npm install --silent --engine-strict=false "esbuild@$esbuild" "mediasoup-client@$mediasoup" awaitqueue@3.3.1 debug@4.4.3 \
        events-alias@npm:events@3.3.0 fake-mediastreamtrack@2.2.1 h264-profile-level-id@2.3.3 ms@2.1.3 sdp-transform@3.0.0
    echo 'export { Device } from "mediasoup-client";' >page.js
    node_modules/.bin/esbuild page.js --bundle --minify --format=esm --platform=browser --log-level=warning \
        --outfile="$target/mediasoup-client.js"
    cp node_modules/mediasoup-client/LICENSE "$target/mediasoup-client.LICENSE.txt"
)
printf '%s\n%s\n' "$socket_io_script" "$socket_io_licence" "$mediasoup_script" "$mediasoup_licence" | sha256sum --check --strict
