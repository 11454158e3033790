import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import WireFormats

/// A Kubernetes cluster in this process: an API server on loopback, controllers, a scheduler and kubelets that pull.
///
/// kubectl and any Kubernetes client can talk to it with the kubeconfig it writes. Nothing is run: a container's command is
/// interpreted as far as an image puller's needs it.
package final class ClusterSimulator: Service {
    /// The token of the cluster's administrator, in ``kubeconfig``.
    package let token: String

    let configuration: Configuration
    let store: ObjectStore
    let server: APIServer
    let plane: ControlPlane
    private let journal: Journal?
    private let logger: Logger
    private let address = Mutex<(port: Int?, waiters: [CheckedContinuation<Void, Never>])>((nil, []))

    /// Creates a cluster; it starts in ``run()``.
    ///
    /// - Throws: ``SimulatorError`` when a manifest or the data directory cannot be read.
    package init(configuration: Configuration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        token = configuration.token ?? RandomText.token()
        store = ObjectStore(historyLimit: configuration.historyLimit, controllerSignal: Signal())
        let objects = ObjectAPI(store: store, registry: ResourceRegistry())
        var acknowledging = objects
        acknowledging.isAcknowledging = true
        server = APIServer(
            objects: acknowledging,
            token: token,
            audit: AuditLog(capacity: configuration.auditLimit),
            bookmarkInterval: configuration.timings.bookmarkInterval
        )
        journal = try configuration.dataDirectory.map { try Self.journal($0, objects, logger) }
        do throws(APIStatusError) {
            try Bootstrap(objects: objects).install(configuration)
        } catch {
            throw SimulatorError(code: .manifest, message: error.message)
        }
        plane = ControlPlane(
            objects: objects,
            configuration: configuration,
            puller: try Self.puller(configuration)
        )
    }

    private static func journal(_ directory: String, _ objects: ObjectAPI, _ logger: Logger) throws -> Journal {
        do {
            let journal = try Journal(directory: directory, logger: logger)
            try journal.load(into: objects.store, objects.registry)
            return journal
        } catch let error as SimulatorError {
            throw error
        } catch {
            throw SimulatorError(code: .dataDirectory, message: "\(error)")
        }
    }

    private static func puller(_ configuration: Configuration) throws -> any ImagePuller {
        let directory: String?
        switch configuration.pulls {
        case .instant: return InstantPuller()
        case .registry: directory = nil
        case .registryStoringLayers: directory = configuration.dataDirectory
        }
        do {
            return try RegistryPuller(plainHTTPHosts: configuration.plainHTTPHosts, contentDirectory: directory)
        } catch {
            throw SimulatorError(code: .registry, message: "\(error)")
        }
    }

    /// The port of the API server; 0 before it listens.
    package var port: Int { address.withLock { $0.port ?? 0 } }

    /// The address of the API server, `http://127.0.0.1:<port>`.
    package var url: String { "http://127.0.0.1:\(port)" }

    /// A kubeconfig for the administrator; valid once the server listens.
    package var kubeconfig: String { Kubeconfig.text(url: url, user: "kubernetes-admin", token: token) }

    /// A kubeconfig for another user with a token of its own, so that the audit log tells who called.
    package func kubeconfig(user: String) -> String {
        let token = RandomText.token()
        server.addUser(user, token: token)
        return Kubeconfig.text(url: url, user: user, token: token)
    }

    /// Waits until the API server listens, or until ``run()`` has failed: then the port stays 0.
    package func waitUntilReady() async {
        await withCheckedContinuation { continuation in
            let isReady = address.withLock { address -> Bool in
                if address.port == nil { address.waiters.append(continuation) }
                return address.port != nil
            }
            if isReady { continuation.resume() }
        }
    }

    /// Serves until a graceful shutdown or cancellation.
    package func run() async throws {
        let responder = SimulatorResponder(server: server, controls: SimulatorControls(simulator: self))
        let application = Application(
            responder: responder,
            configuration: ApplicationConfiguration(
                address: .hostname("127.0.0.1", port: configuration.port),
                serverName: nil,
                reuseAddress: true
            ),
            onServerRunning: { channel in self.didListen(channel.localAddress?.port ?? 0) },
            logger: logger
        )
        defer { didListen(port) }
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await serve(application)
            } onGracefulShutdown: {
                self.store.stop()
            }
        } onCancel: {
            // Open watches would keep the server's connections.
            self.store.stop()
        }
    }

    /// Runs all parts until the server ends, for whatever reason, then ends the others.
    private func serve(_ application: some ApplicationProtocol) async throws {
        let result = await withTaskGroup(of: Result<Void, any Error>?.self) { group in
            group.addTask {
                do { return .success(try await application.run()) } catch { return .failure(error) }
            }
            group.addTask {
                await self.tick()
                return nil
            }
            group.addTask {
                await self.plane.run()
                return nil
            }
            if journal != nil {
                group.addTask {
                    await self.tidyRegularly()
                    return nil
                }
            }
            var result: Result<Void, any Error>?
            for await ended in group {
                guard let ended else { continue }
                result = ended
                await plane.stop()
                group.cancelAll()
            }
            return result
        }
        try result?.get()
    }

    private func didListen(_ port: Int) {
        let waiters = address.withLock { address in
            address.port = port
            let waiters = address.waiters
            address.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Has the journal write a snapshot now and then, and at once when there is room again on a disk that was full.
    private func tidyRegularly() async {
        var hasFailed = false
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            do {
                try journal?.tidy(store)
                if hasFailed { logger.notice("The cluster's objects are saved again") }
                hasFailed = false
            } catch {
                if !hasFailed {
                    logger.error("The cluster's objects could not be saved", metadata: ["error": "\(error)"])
                }
                hasFailed = true
            }
        }
    }

    /// Wakes the watches once a second, for their bookmarks and their ends.
    private func tick() async {
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            for watcher in store.watchers() { watcher.wake() }
        }
    }
}

/// An error of the simulator's set-up.
package struct SimulatorError: Error, Sendable, CustomStringConvertible {
    /// What kind of error it is.
    package enum Code: String, Sendable {
        /// A manifest that cannot be read or is refused by the API.
        case manifest
        /// The data directory cannot be read or written.
        case dataDirectory
        /// A node or object that does not exist.
        case notFound
        /// The registry client cannot be set up.
        case registry
    }

    /// What kind of error it is.
    package var code: Code
    /// A text for people.
    package var message: String

    /// The kind and the text.
    package var description: String { "\(code.rawValue): \(message)" }
}
