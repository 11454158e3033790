# Real registry servers for compose/demo: Debian's docker-registry, each with a folder, a free port and, if named, an account.

# start_registry DIR NAME [USERNAME PASSWORD] : starts one and waits until it answers.
start_registry() {
    local folder=$1/$2 username=${3:-} password=${4:-}
    mkdir -p "$folder/storage"
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    {
        echo "version: 0.1"
        echo "log: {level: warn}"
        echo "storage: {filesystem: {rootdirectory: $folder/storage}}"
        echo "http: {addr: '127.0.0.1:$port'}"
        if [ -n "$username" ]; then
            # The password goes through standard input: a command line can be read by everyone on the machine.
            printf '%s' "$password" | htpasswd -niB "$username" > "$folder/htpasswd"
            echo "auth: {htpasswd: {realm: $2, path: $folder/htpasswd}}"
        fi
    } > "$folder/config.yml"
    docker-registry serve "$folder/config.yml" > "$folder/log" 2>&1 &
    echo $! > "$folder/pid"
    echo "127.0.0.1:$port" > "$folder/address"
    for _ in $(seq 1 100); do
        if python3 - "$port" <<'PYTHON'
import http.client, sys
try:
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=1)
    connection.request("GET", "/v2/")
    sys.exit(0 if connection.getresponse().status in (200, 401) else 1)
except OSError:
    sys.exit(1)
PYTHON
        then return 0; fi
        sleep 0.1
    done
    echo "The registry $2 does not answer; its log:" >&2
    cat "$folder/log" >&2
    return 1
}

# registry_address DIR NAME : its HOST:PORT.
registry_address() {
    cat "$1/$2/address"
}

# stop_registries DIR : stops all that were started in the folder, by process id.
stop_registries() {
    local file
    for file in "$1"/*/pid; do
        [ -f "$file" ] && kill "$(cat "$file")" 2>/dev/null
    done
    return 0
}
