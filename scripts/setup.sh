#!/bin/sh
# Installs what is missing on Debian 12. `scripts/setup.sh run`: to build and run; `test`: what the tests need as well;
# `bench`: what `make bench` needs as well; `runtime`: only what a built binary needs (the Dockerfile's second stage).
set -eu

build="build-essential pkg-config ca-certificates libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
libgstreamer-plugins-bad1.0-dev libgstrtspserver-1.0-dev"
runtime="libgstrtspserver-1.0-0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice
gstreamer1.0-x gstreamer1.0-plugins-ugly gstreamer1.0-libav glib-networking graphviz fonts-dejavu-core ca-certificates"
tests="chromium chromium-driver coturn ffmpeg libnginx-mod-rtmp libssl-dev nginx-core python3-venv unzip vlc-bin vlc-plugin-base"
# Other packages of Node.js bring npm with them.
command -v npm >/dev/null || tests="$tests nodejs npm"

case "${1:-run}" in
    runtime) wanted="$runtime" ;;
    build) wanted="$build" ;;
    run) wanted="$build $runtime" ;;
    test) wanted="$build $runtime $tests" ;;
    bench) wanted="$build $runtime libssl-dev janus ffmpeg iproute2 util-linux" ;;
    *) echo "usage: $0 run|test|bench|build|runtime" >&2; exit 2 ;;
esac

missing=""
for package in $wanted; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done

if [ -n "$missing" ]; then
    sudo=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "As root, install:$missing" >&2; exit 1; }
        sudo=sudo
    fi
    echo "Installing Debian packages:$missing"
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing
fi

# The REST clients of OpenVidu that the tests run unmodified, at the versions that are written down.
if [ "${1:-run}" = test ]; then
    root=$(dirname "$0")/..
    from=$root/tests/e2e/openvidu/clients
    to=$root/target/openvidu-clients
    if ! cat "$from/package-lock.json" "$from/requirements.txt" | cmp -s - "$to/installed"; then
        mkdir -p "$to/node"
        cp "$from/package.json" "$from/package-lock.json" "$to/node"
        npm ci --prefix "$to/node" --ignore-scripts --no-audit --no-fund --silent
        python3 -m venv "$to/venv"
        "$to/venv/bin/pip" install -q -r "$from/requirements.txt"
        cat "$from/package-lock.json" "$from/requirements.txt" > "$to/installed"
    fi
fi

[ "${1:-run}" = runtime ] && exit 0
[ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
if ! command -v cargo >/dev/null; then
    echo "Rust is missing. Get it from https://rustup.rs (one command there), open a new shell, and try again." >&2
    exit 1
fi
