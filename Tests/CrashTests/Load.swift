import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// Tasks that a client asks for until they are accepted, and what must have become of them in the end.
actor Load {
    private let fleet: Fleet
    private let registries: SharedRegistries
    private let webhook: String?
    private(set) var tasks: [String] = []
    private let nodes: Int

    /// - Parameters:
    ///   - fleet: Who is asked.
    ///   - nodes: How many nodes the cluster has.
    ///   - webhook: Where to tell about the tasks' ends.
    init(fleet: Fleet, nodes: Int, webhook: String? = nil) async throws {
        self.fleet = fleet
        self.nodes = nodes
        self.webhook = webhook
        registries = try await SharedRegistries.instance.get()
    }

    /// Asks for a task with a private image as a careful client does: with a key, again until there is an answer.
    ///
    /// - Parameters:
    ///   - number: The same number is the same task.
    ///   - more: Further members of the body.
    /// - Returns: The task's id.
    @discardableResult
    func submit(_ number: Int, _ more: JSONObject = [:]) async throws -> String {
        let registry = number % 2 == 0 ? registries.first : registries.second
        var body: JSONObject = [
            "images": [.string(registry.private), .string(registries.open.public)],
            "registryCredentials": [registry.credential], "pullPolicy": "Always",
        ]
        if let webhook {
            body["webhookUrl"] = .string(webhook)
            body["webhookEvents"] = ["task.succeeded", "task.failed", "task.cancelled"]
        }
        for (key, value) in more { body[key] = value }
        let sent = JSONValue.object(body)
        let task = try await waitForValue(timeout: .seconds(60), "task \(number) to be accepted") {
            try? await self.fleet.api.submit(sent, key: "load-\(number)")
        }
        tasks.append(task)
        return task
    }

    /// The executor that works on a task, once there is one.
    func owner(of task: String) async throws -> String {
        try await waitForValue(timeout: .seconds(60), "\(task) to have an owner") {
            let owner = try? await self.pullTask(task, "{.status.owner.identity}")
            return owner.flatMap { $0.isEmpty ? nil : $0 }
        }
    }

    /// Waits until an executor works on a task.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - identity: The executor.
    ///   - running: Wait until it has a Job, too.
    ///   - timeout: How long to wait.
    func waitForOwner(
        of task: String,
        _ identity: String,
        running: Bool = false,
        timeout: Duration = .seconds(60)
    ) async throws {
        try await waitUntil(timeout: timeout, "\(identity) to own \(task)") {
            guard (try? await self.pullTask(task, "{.status.owner.identity}")) == identity else { return false }
            guard running else { return true }
            return try await self.fleet.host.objectsLeft(ofTask: task).contains { $0.contains("job") }
        }
    }

    private func pullTask(_ task: String, _ path: String) async throws -> String {
        try await fleet.host.kubectl("get", "pulltask", task, "-n", "longshore", "-o", "jsonpath=\(path)")
    }

    /// Waits for the end of all tasks, and checks that each ended once, no Job was made twice and nothing is left.
    func expectAllDone(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for task in tasks {
            let ended = try await fleet.api.waitForEnd(of: task, timeout: .seconds(120))
            #expect(ended["status"]?.string == "succeeded", "\(ended.text())", sourceLocation: sourceLocation)
        }
        let faults = try await Accounts(of: fleet.host).faults(of: tasks)
        #expect(faults.isEmpty, sourceLocation: sourceLocation)
        // One attempt is asked for, so each node of each task has one Job, whoever made it.
        let jobs = try await Simulator(fleet.host).createdJobs()
        #expect(jobs == tasks.count * nodes, sourceLocation: sourceLocation)
        for task in tasks {
            try await waitUntil(timeout: .seconds(60), "\(task) to leave nothing") {
                try await self.fleet.host.objectsLeft(ofTask: task).isEmpty
            }
        }
    }
}

extension WebhookReceiver {
    /// Waits until each task's end was told.
    ///
    /// - Returns: The identifiers of each task's webhooks.
    func waitForTasks(_ tasks: [String]) async throws -> [String: Set<String>] {
        func told() -> [String: Set<String>] {
            received.reduce(into: [:]) { told, webhook in
                guard let body = try? JSONValue(parsing: Array(webhook.body.utf8)),
                    let task = body["subject"]?.string
                else { return }
                told[task, default: []].insert(webhook.id)
            }
        }
        try await waitUntil(timeout: .seconds(120), "webhooks of \(tasks.count) tasks") {
            Set(told().keys).isSuperset(of: tasks)
        }
        return told()
    }
}
