import Curl
import Glibc
import TestSupport

/// The system's resolver, made to ask a DNS server of the test: its thread sees another `/etc/resolv.conf`.
///
/// This takes a mount namespace of the thread's own and the DNS port, and so the rights of root; elsewhere its tests are
/// skipped.
struct RealResolver: Sendable {
    /// The server's address.
    static let server = "127.0.0.77"

    private let directory: TemporaryDirectory
    private let process: TestProcess

    /// A server in Python. Its second argument says what names resolve to, by type of record; an answer in several parts is
    /// given out one part after the other, the last for ever. It writes a line for each question.
    private static let program = """
        import json, socket, struct, sys
        answers = json.loads(sys.argv[2])
        types = {1: "A", 28: "AAAA"}
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((sys.argv[1], 53))
        print("ready", flush=True)
        def name_at(data, at):
            labels = []
            while data[at]:
                labels.append(data[at + 1:at + 1 + data[at]].decode())
                at += data[at] + 1
            return ".".join(labels).lower(), at + 1
        def encoded(name):
            return b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\\0"
        while True:
            data, peer = sock.recvfrom(4096)
            name, end = name_at(data, 12)
            kind = types.get(struct.unpack("!H", data[end:end + 2])[0], "?")
            print(kind, name, flush=True)
            known = answers.get(name)
            records = []
            if known is not None:
                parts = known.get(kind, [[]])
                values = parts[0] if len(parts) == 1 else parts.pop(0)
                for value in values:
                    if kind in ("A", "AAAA") and not value.startswith("CNAME "):
                        family = socket.AF_INET if kind == "A" else socket.AF_INET6
                        records.append(data[12:end] + struct.pack("!HHIH", 1 if kind == "A" else 28, 1, 0,
                            4 if kind == "A" else 16) + socket.inet_pton(family, value))
                    else:
                        target = encoded(value[6:].split(" ")[0])
                        records.append(data[12:end] + struct.pack("!HHIH", 5, 1, 0, len(target)) + target)
                        records.append(target + struct.pack("!HHIH", 1, 1, 0, 4)
                            + socket.inet_pton(socket.AF_INET, value.split(" ")[2]))
            flags = 0x8180 if known is not None else 0x8183
            sock.sendto(data[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + data[12:end + 4]
                + b"".join(records), peer)
        """

    /// Starts the server.
    init(_ answers: String) async throws {
        directory = try TemporaryDirectory(prefix: "resolver")
        _ = try directory.write("resolv.conf", "nameserver \(Self.server)\noptions timeout:2 attempts:3\n")
        let process = try TestProcess("python3", ["-c", Self.program, Self.server, answers])
        self.process = process
        try await waitUntil("the DNS server") {
            if !process.isRunning { throw TestSupportError("DNS: \(process.standardError.suffix(1_000))") }
            return process.standardOutput.contains("ready")
        }
    }

    /// `getaddrinfo` on a thread that sees the other configuration.
    var lookup: NameLookup {
        let path = directory.appending("resolv.conf")
        return NameLookup { host in
            Self.onOwnThread { Self.replaceConfiguration(by: path) ? NameLookup.system.addresses(host) : [] }
        }
    }

    /// The questions so far, such as `A name`.
    var questions: [String] {
        process.standardOutput.split(separator: "\n").map { String($0) }.filter { $0 != "ready" }
    }

    func stop() async { await process.stop(gracePeriod: .milliseconds(100)) }

    /// Whether this system lets a test do all that.
    static let isPossible =
        getuid() == 0 && !onOwnThread { replaceConfiguration(by: "/etc/resolv.conf") ? [IPAddress("::")!] : [] }.isEmpty

    // MARK: - Namespaces

    private typealias Unshare = @convention(c) (CInt) -> CInt
    private typealias Mount =
        @convention(c) (
            UnsafePointer<CChar>?, UnsafePointer<CChar>, UnsafePointer<CChar>?, CUnsignedLong, UnsafeRawPointer?
        )
        -> CInt

    /// Gives the calling thread its own mounts, one of which is `path` in place of `/etc/resolv.conf`.
    private static func replaceConfiguration(by path: String) -> Bool {
        // Not among the functions that Swift sees; CLONE_NEWNS, MS_REC | MS_PRIVATE and MS_BIND neither.
        guard let unshareSymbol = dlsym(nil, "unshare"), let mountSymbol = dlsym(nil, "mount") else { return false }
        let unshare = unsafeBitCast(unshareSymbol, to: Unshare.self)
        let mount = unsafeBitCast(mountSymbol, to: Mount.self)
        return unshare(0x0002_0000) == 0 && mount("none", "/", nil, 0x4000 | 0x4_0000, nil) == 0
            && mount(path, "/etc/resolv.conf", nil, 0x1000, nil) == 0
    }

    private final class Work {
        let body: () -> [IPAddress]
        var result: [IPAddress] = []
        init(_ body: @escaping () -> [IPAddress]) { self.body = body }
    }

    private static func onOwnThread(_ body: @escaping () -> [IPAddress]) -> [IPAddress] {
        let work = Work(body)
        var thread = pthread_t()
        let status = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                let work = Unmanaged<Work>.fromOpaque(context).takeUnretainedValue()
                work.result = work.body()
                return nil
            },
            Unmanaged.passUnretained(work).toOpaque()
        )
        guard status == 0 else { return [] }
        pthread_join(thread, nil)
        return work.result
    }
}
