#!/bin/sh
# Bundles the unmodified packages that the tests' pages use, from the registry that npm is configured for: OpenVidu's own
# client, oldest and newest (source under the Apache License 2.0), and jQuery (MIT).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
cd "$folder"
npm init -y >/dev/null
npm install --silent esbuild@0.28.2 new@npm:openvidu-browser@2.32.2 old@npm:openvidu-browser@2.18.0 jquery@3.5.1
for pair in old:2.18.0 new:2.32.2; do
    echo "window.OpenVidu = require(\"${pair%%:*}\").OpenVidu;" >entry.js
    node_modules/.bin/esbuild entry.js --bundle --minify --platform=browser --define:global=window \
        --outfile="$here/openvidu-browser-${pair##*:}.js"
done
cp node_modules/jquery/dist/jquery.min.js "$here/jquery-3.5.1.js"
