# Starts a broker for one run of tests; sourced by compose/test.

# on_fresh_broker COMMAND... : runs COMMAND with LONGSHORE_TEST_KAFKA naming a broker that has just been started and has no topic
# yet: Tansu, a process of its own that keeps its topics in memory. It speaks to librdkafka of 2.2 or later, so that is what the
# command and all that it starts are given. install_tansu must have been called.
on_fresh_broker() {
    local folder port url status=0 as=()
    folder=$(mktemp -d)
    # Where the parts were installed only this account may be able to read, and the broker refuses to run as root.
    chmod 755 "$folder"
    install -m 755 "$LONGSHORE_TEST_TANSU" "$folder/tansu"
    install -m 644 "$LONGSHORE_TEST_LIBRDKAFKA" "$folder/librdkafka.so"
    [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid nobody --regid nogroup --clear-groups)
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url=tcp://127.0.0.1:$port
    "${as[@]}" "$folder/tansu" broker --listener-url "$url" --advertised-listener-url "$url" \
        --storage-engine memory://tansu/ > "$folder/log" 2>&1 &
    local broker=$!
    if python3 - "$port" <<'PYTHON'
import socket, sys, time

for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        sys.exit(0)
    except OSError:
        time.sleep(0.1)
sys.exit(1)
PYTHON
    then
        LONGSHORE_TEST_KAFKA=127.0.0.1:$port LD_PRELOAD=$folder/librdkafka.so "$@" || status=$?
    else
        echo "Tansu does not listen:" && cat "$folder/log"
        status=1
    fi
    kill -KILL "$broker" 2>/dev/null || true
    wait "$broker" 2>/dev/null || true
    rm -rf "$folder"
    return "$status"
}
