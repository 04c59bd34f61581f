#!/bin/sh
# Bundles the unmodified package of OpenVidu's own client for the tests' page, from the registry that npm is configured
# for. Its source is under the Apache License 2.0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
cd "$folder"
npm init -y >/dev/null
npm install --silent esbuild@0.28.2 new@npm:openvidu-browser@2.32.2
for pair in new:2.32.2; do
    echo "window.OpenVidu = require(\"${pair%%:*}\").OpenVidu;" >entry.js
    node_modules/.bin/esbuild entry.js --bundle --minify --platform=browser --define:global=window \
        --outfile="$here/openvidu-browser-${pair##*:}.js"
done
