import Glibc
import Synchronization

/// Stands between clients and one broker on 127.0.0.1 and makes it a stricter, older or abler one.
///
/// librdkafka's mock broker takes batches of any size and knows neither the creation of topics nor their settings. What the
/// proxy answers itself is written in the versions of the protocol that librdkafka 2.0.2 uses for these requests.
///
/// Thread safety: every method may be called from anywhere. ``stop()`` must be called: its threads keep the proxy alive.
package final class KafkaProxy: Sendable {
    /// How the broker is to be.
    package struct Rules: Sendable {
        /// The largest batch in bytes that it takes; nil for any.
        package var maximumBatchBytes: Int?
        /// The newest version of CreateTopics that it knows; 4 is Kafka's since 2.4. Nil where it knows none.
        package var createTopicsVersion: Int16? = 4
        /// Creates a topic; gives Kafka's error code, 0 for success.
        package var create: @Sendable (_ topic: String, _ partitions: Int, _ replication: Int) -> Int16 = { _, _, _ in 0
        }
        /// The settings of every topic; nil where they may not be asked for (error 29).
        package var settings: [String: String]? = [:]
        /// Whether it refuses every password; it wants none otherwise, and takes any.
        package var refusesPasswords = false

        /// A broker like any other.
        package init() {}
    }

    /// Where clients find it.
    package let address: String
    private let port: Int
    private let broker: Int
    private let listener: Int32
    private let rules: Mutex<Rules>
    private let connections = Mutex<[ScriptedConnection]?>([])

    /// Starts a proxy.
    ///
    /// - Parameters:
    ///   - broker: `127.0.0.1:PORT` of the broker.
    ///   - rules: How it is to be.
    package init(of broker: String, rules: Rules = Rules()) throws {
        self.broker = Int(broker.split(separator: ":").last ?? "") ?? 0
        self.rules = Mutex(rules)
        (self.listener, self.port) = try listen(host: "127.0.0.1", port: 0)
        self.address = "127.0.0.1:\(self.port)"
        let proxy = Unmanaged.passRetained(self)
        startThread { proxy.takeRetainedValue().acceptConnections() }
    }

    /// Changes how the broker is from its next request on.
    package func change(_ body: @Sendable (inout Rules) -> Void) {
        rules.withLock { body(&$0) }
    }

    /// Ends all connections and refuses new ones.
    package func stop() {
        let open = connections.withLock { connections in
            defer { connections = nil }
            return connections ?? []
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for connection in open { connection.disconnect() }
    }

    private func acceptConnections() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            guard let upstream = connectTo(port: broker) else {
                close(descriptor)
                continue
            }
            for descriptor in [descriptor, upstream] {
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                var on: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            }
            let pair = KafkaProxyPair(
                client: ScriptedConnection(descriptor: descriptor, index: 0),
                broker: ScriptedConnection(descriptor: upstream, index: 0),
                ports: (broker, port),
                rules: { [self] in rules.withLock { $0 } }
            )
            let isRunning = connections.withLock { connections in
                connections?.append(contentsOf: [pair.client, pair.broker])
                return connections != nil
            }
            guard isRunning else { continue }
            startThread { pair.forwardRequests() }
            startThread { pair.forwardAnswers() }
        }
        close(listener)
    }
}

/// One client's connection and the one to the broker that belongs to it.
private final class KafkaProxyPair: Sendable {
    private enum API {
        static let produce: Int16 = 0
        static let metadata: Int16 = 3
        static let saslHandshake: Int16 = 17
        static let apiVersions: Int16 = 18
        static let createTopics: Int16 = 19
        static let describeConfigs: Int16 = 32
        static let saslAuthenticate: Int16 = 36
    }

    let client: ScriptedConnection
    let broker: ScriptedConnection
    private let ports: (broker: Int, proxy: Int)
    private let rules: @Sendable () -> KafkaProxy.Rules
    /// Requests whose answer is changed, with their version, by number.
    private let pending = Mutex<[Int32: (api: Int16, version: Int16)]>([:])
    /// Whole messages only, from two threads.
    private let sending = Mutex(())

    init(
        client: ScriptedConnection,
        broker: ScriptedConnection,
        ports: (broker: Int, proxy: Int),
        rules: @escaping @Sendable () -> KafkaProxy.Rules
    ) {
        self.client = client
        self.broker = broker
        self.ports = ports
        self.rules = rules
    }

    private func answer(_ message: [UInt8]) {
        sending.withLock { _ in _ = client.send(message.framed) }
    }

    private func read(_ connection: ScriptedConnection) -> [UInt8]? {
        guard let size = connection.take(4) else { return nil }
        var frame = KafkaFrame(size)
        return connection.take(Int(frame.integer(Int32.self)))
    }

    // MARK: - Requests

    func forwardRequests() {
        defer {
            client.disconnect()
            broker.disconnect()
        }
        while let message = read(client) {
            var frame = KafkaFrame(message)
            let api = frame.integer(Int16.self)
            let version = frame.integer(Int16.self)
            let number = frame.integer(Int32.self)
            if api == API.apiVersions || api == API.metadata { pending.withLock { $0[number] = (api, version) } }
            _ = frame.string()
            let own: [UInt8]? =
                switch api {
                case API.produce: refusal(of: &frame, number: number)
                case API.createTopics: creation(&frame, number: number, version: version)
                case API.describeConfigs: settings(&frame, number: number)
                case API.saslHandshake: handshake(number: number)
                case API.saslAuthenticate: authentication(number: number, version: version)
                default: nil
                }
            if let own {
                answer(own)
            } else if !broker.send(message.framed) {
                return
            }
        }
    }

    /// Refuses a produce request of version 3 to 7 when one of its batches is too large.
    private func refusal(of frame: inout KafkaFrame, number: Int32) -> [UInt8]? {
        guard let maximum = rules().maximumBatchBytes else { return nil }
        _ = frame.string()
        frame.skip(2 + 4)
        var isTooLarge = false
        let topics = frame.array { frame in
            (
                frame.string(),
                frame.array { frame in
                    let partition = frame.integer(Int32.self)
                    let bytes = Int(frame.integer(Int32.self))
                    frame.skip(bytes)
                    isTooLarge = isTooLarge || bytes > maximum
                    return partition
                }
            )
        }
        guard isTooLarge else { return nil }
        var answer: [UInt8] = []
        answer.append(number)
        answer.append(Int32(topics.count))
        for (topic, partitions) in topics {
            answer.append(topic)
            answer.append(Int32(partitions.count))
            for partition in partitions {
                answer.append(partition)
                answer.append(Int16(10))
                for _ in 0..<3 { answer.append(Int64(-1)) }
            }
        }
        answer.append(Int32(0))
        return answer
    }

    /// Answers a CreateTopics request of version 0 to 4.
    private func creation(_ frame: inout KafkaFrame, number: Int32, version: Int16) -> [UInt8] {
        let create = rules().create
        let results = frame.array { frame in
            let name = frame.string()
            let (partitions, replication) = (Int(frame.integer(Int32.self)), Int(frame.integer(Int16.self)))
            _ = frame.array { frame in
                frame.skip(4)
                return frame.array { $0.skip(4) }
            }
            _ = frame.array { ($0.string(), $0.string()) }
            return (name, create(name, partitions, replication))
        }
        var answer: [UInt8] = []
        answer.append(number)
        if version >= 2 { answer.append(Int32(0)) }
        answer.append(Int32(results.count))
        for (name, error) in results {
            answer.append(name)
            answer.append(error)
            if version >= 1 { answer.append(Int16(-1)) }
        }
        return answer
    }

    /// Answers a DescribeConfigs request of version 1.
    private func settings(_ frame: inout KafkaFrame, number: Int32) -> [UInt8] {
        let settings = rules().settings
        let resources = frame.array { frame in
            let kind = frame.integer(Int8.self)
            let name = frame.string()
            _ = frame.array { $0.string() }
            return (kind, name)
        }
        var answer: [UInt8] = []
        answer.append(number)
        answer.append(Int32(0))
        answer.append(Int32(resources.count))
        for (kind, name) in resources {
            answer.append(Int16(settings == nil ? 29 : 0))
            answer.append(Int16(-1))
            answer.append(kind)
            answer.append(name)
            answer.append(Int32(settings?.count ?? 0))
            for (key, value) in settings ?? [:] {
                answer.append(key)
                answer.append(value)
                // Not read-only, a topic's own setting, not sensitive, without synonyms.
                answer += [0, 1, 0, 0, 0, 0, 0]
            }
        }
        return answer
    }

    /// Answers a SaslHandshake request: PLAIN is offered.
    private func handshake(number: Int32) -> [UInt8] {
        var answer: [UInt8] = []
        answer.append(number)
        answer.append(Int16(0))
        answer.append(Int32(1))
        answer.append("PLAIN")
        return answer
    }

    /// Answers a SaslAuthenticate request of version 0 or 1.
    private func authentication(number: Int32, version: Int16) -> [UInt8] {
        let isRefused = rules().refusesPasswords
        var answer: [UInt8] = []
        answer.append(number)
        answer.append(Int16(isRefused ? 58 : 0))
        answer.append(isRefused ? "Authentication failed: Invalid username or password" : "")
        answer.append(Int32(0))
        if version >= 1 { answer.append(Int64(0)) }
        return answer
    }

    // MARK: - Answers

    func forwardAnswers() {
        defer {
            client.disconnect()
            broker.disconnect()
        }
        while var message = read(broker) {
            var frame = KafkaFrame(message)
            let number = frame.integer(Int32.self)
            switch pending.withLock({ $0.removeValue(forKey: number) }) {
            case (API.apiVersions, let version)?: addVersions(to: &message, version: version)
            case (API.metadata, let version)?: addController(to: &message, version: version)
            default: break
            }
            sendClientsHere(&message)
            answer(message)
        }
    }

    /// Says that the broker knows the requests that are answered here.
    private func addVersions(to message: inout [UInt8], version: Int16) {
        var frame = KafkaFrame(message)
        frame.skip(4)
        guard frame.integer(Int16.self) == 0 else { return }
        var added: [(api: Int16, newest: Int16)] = [
            (API.describeConfigs, 1), (API.saslHandshake, 1), (API.saslAuthenticate, 1),
        ]
        if let newest = rules().createTopicsVersion { added.append((API.createTopics, newest)) }
        var entries: [UInt8] = []
        for entry in added {
            for number in [entry.api, 0, entry.newest] { entries.append(number) }
            if version >= 3 { entries.append(0) }
        }
        if version >= 3 {
            // The count of a compact array is one byte below 127 entries, and one too large.
            message[6] += UInt8(added.count)
            message.insert(contentsOf: entries, at: 7)
        } else {
            let count = frame.integer(Int32.self) + Int32(added.count)
            var bytes: [UInt8] = []
            bytes.append(count)
            message.replaceSubrange(6..<10, with: bytes + entries)
        }
    }

    /// Says in an answer of version 1 to 8 that the first broker is the controller; the mock names none.
    private func addController(to message: inout [UInt8], version: Int16) {
        guard (1...8).contains(version) else { return }
        var frame = KafkaFrame(message)
        frame.skip(version >= 3 ? 8 : 4)
        let brokers = frame.array { frame in
            let id = frame.integer(Int32.self)
            _ = frame.string()
            frame.skip(4)
            _ = frame.string()
            return id
        }
        if version >= 2 { _ = frame.string() }
        guard let first = brokers.first, frame.bytes.count >= 4 else { return }
        var controller: [UInt8] = []
        controller.append(first)
        message.replaceSubrange(frame.bytes.startIndex..<(frame.bytes.startIndex + 4), with: controller)
    }

    /// Brokers and coordinators are told by address: host, then port.
    private func sendClientsHere(_ message: inout [UInt8]) {
        let host = Array("127.0.0.1".utf8)
        var port: [UInt8] = []
        port.append(Int32(ports.broker))
        var own: [UInt8] = []
        own.append(Int32(ports.proxy))
        let wanted = host + port
        var index = 0
        while index + wanted.count <= message.count {
            if message[index] == host[0], message[index..<(index + wanted.count)].elementsEqual(wanted) {
                message.replaceSubrange((index + host.count)..<(index + wanted.count), with: own)
                index += wanted.count
            } else {
                index += 1
            }
        }
    }
}

/// A TCP connection to a port of 127.0.0.1; nil when nothing listens.
private func connectTo(port: Int) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    guard isConnected else {
        close(descriptor)
        return nil
    }
    return descriptor
}
