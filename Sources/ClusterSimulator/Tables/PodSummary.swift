import WireFormats

/// The word in the STATUS column of `kubectl get pods` (`printPod` of the real API server).
enum PodSummary {
    static func status(_ pod: JSONValue) -> String {
        let status = pod["status"] ?? [:]
        var reason = status["reason"]?.string ?? status["phase"]?.string ?? "Unknown"
        if let initReason = initializing(pod) {
            reason = initReason
        } else {
            var hasRunning = false
            for container in (status["containerStatuses"]?.array ?? []).reversed() {
                let state = container["state"] ?? [:]
                if let waiting = state[path: "waiting", "reason"]?.string, !waiting.isEmpty {
                    reason = waiting
                } else if let terminated = state["terminated"] {
                    reason = terminated["reason"]?.string ?? "ExitCode:\(terminated["exitCode"]?.integer ?? 0)"
                } else if container["ready"]?.bool == true, state["running"] != nil {
                    hasRunning = true
                }
            }
            if reason == "Completed", hasRunning { reason = "Running" }
        }
        if pod[path: "metadata", "deletionTimestamp"] != nil {
            reason = status["reason"]?.string == "NodeLost" ? "Unknown" : "Terminating"
        }
        return reason
    }

    private static func initializing(_ pod: JSONValue) -> String? {
        let statuses = pod[path: "status", "initContainerStatuses"]?.array ?? []
        let total = pod[path: "spec", "initContainers"]?.array?.count ?? 0
        for (index, container) in statuses.enumerated() {
            let state = container["state"] ?? [:]
            if let terminated = state["terminated"] {
                let code = terminated["exitCode"]?.integer ?? 0
                if code == 0 { continue }
                return "Init:\(terminated["reason"]?.string ?? "ExitCode:\(code)")"
            }
            if let waiting = state[path: "waiting", "reason"]?.string, waiting != "PodInitializing" {
                return "Init:\(waiting)"
            }
            return "Init:\(index)/\(total)"
        }
        return nil
    }
}
