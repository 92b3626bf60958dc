# Set-up shared by ./run and ./test: sourced, not run. Makes what is missing, says so once, and stays silent when all is there.
# Expects $root (the checkout). Gives $python (the virtual environment's interpreter).

say() { printf '%s\n' "$*" >&2; }
begun=
# step WHAT ... took: a step of several seconds says that it begins, and behind it in the same line how long it took.
step() { begun=$(date +%s); printf '%s ...' "$*" >&2; }
took() { say " $(($(date +%s) - begun)) s"; begun=; }
die() { [ -z "$begun" ] || took; say "error: $*"; exit 1; }

# Runs a command as root if that is possible without surprising anybody: as root, or by sudo (which may ask on a terminal).
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then sudo "$@"
    else return 1
    fi
}

# install_system WHY apt-packages... : Debian's names; other systems get a hint.
install_system() {
    why=$1; shift
    if command -v apt-get >/dev/null 2>&1; then
        step "installing $* with apt-get ($why)"
        log=$(mktemp)
        if as_root sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"' sh "$@" >"$log" 2>&1
        then took; rm -f "$log"; return 0; fi
        took; tail -n 3 "$log" >&2; rm -f "$log"
        say "could not install it. As an administrator: apt-get update && apt-get install $*"
    else
        say "$why: please install the equivalent of: $*"
        say "  Fedora: dnf install qemu-system-x86 edk2-ovmf    Arch: pacman -S qemu-system-x86 edk2-ovmf    macOS: brew install qemu"
    fi
    return 1
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"; return 0
        fi
    done
    return 1
}

# need_venv REQUIREMENTS: a virtual environment with exactly the locked packages and this checkout, renewed when either changes.
need_venv() {
    requirements=$1
    python=$root/.venv/bin/python
    stamp=$root/.venv/installed-$(basename "$(dirname "$requirements")")
    wanted=$(cat "$requirements" "$root/pyproject.toml" | cksum)
    if [ -x "$python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return 0; fi
    base=$(find_python) || { install_system "Python 3.11 or newer is needed" python3 python3-venv && base=$(find_python); } ||
        die "no Python 3.11 or newer was found; install one and run this again"
    if ! { [ -x "$python" ] && "$python" -m pip --version >/dev/null 2>&1; }; then
        rm -rf "$root/.venv"
        step "making a virtual environment in .venv"
        "$base" -m venv "$root/.venv" 2>/dev/null || {
            install_system "Python's venv module is not there" python3-venv && rm -rf "$root/.venv" && "$base" -m venv "$root/.venv"
        } || die "could not make a virtual environment with $base -m venv"
        [ -z "$begun" ] || took
    fi
    step "installing the locked Python packages (about 100 MB, once)"
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements" ||
        die "pip could not install $requirements: see above; a network connection to the Python package index is needed once"
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e "$root" ||
        die "pip could not install this checkout"
    # Where the environment forbids Python to write bytecode, every start would compile the console anew: 0.1 s.
    "$python" -m compileall -q "$root/console" "$root/protocol" || true
    took
    printf '%s' "$wanted" >"$stamp"
}

have_firmware() {
    for file in /usr/share/OVMF/OVMF_CODE*.fd /usr/share/ovmf/OVMF.fd /usr/share/edk2/x64/OVMF_CODE*.fd \
        /usr/share/edk2/ovmf/OVMF_CODE*.fd /usr/share/edk2-ovmf/x64/OVMF_CODE.fd \
        /usr/share/qemu/edk2-x86_64-code.fd /usr/local/share/qemu/edk2-x86_64-code.fd /opt/homebrew/share/qemu/edk2-x86_64-code.fd; do
        [ -f "$file" ] && return 0
    done
    return 1
}

have_qemu() { command -v qemu-system-x86_64 >/dev/null 2>&1 && have_firmware; }

# need_kernel: builds what is out of date, and says what and for how long; a second when nothing is.
need_kernel() { "$python" "$root/kernel_c/build.py" all --quiet >/dev/null || die "the kernel did not build: see above"; }
