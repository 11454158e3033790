import WireFormats

/// The Pod Security admission for namespaces labelled `pod-security.kubernetes.io/enforce`.
enum PodSecurity {
    static func admit(
        _ pod: JSONValue,
        namespace: String,
        _ context: borrowing AdmissionContext
    ) throws(APIStatusError) {
        let labels = context.object(.namespaces, "", namespace)?[path: "metadata", "labels"] ?? [:]
        guard let level = labels["pod-security.kubernetes.io/enforce"]?.string, level != "privileged" else { return }
        let version = labels["pod-security.kubernetes.io/enforce-version"]?.string ?? "latest"
        let spec = pod["spec"] ?? [:]
        let violations = baselineViolations(spec) + (level == "restricted" ? restrictedViolations(spec) : [])
        guard !violations.isEmpty else { return }
        let name = pod[path: "metadata", "name"]?.string ?? ""
        let why = "violates PodSecurity \"\(level):\(version)\": \(violations.joined(separator: ", "))"
        throw .forbidden(.pods, name, why)
    }

    private static func containers(_ spec: JSONValue) -> [JSONValue] {
        (spec["initContainers"]?.array ?? []) + (spec["containers"]?.array ?? [])
    }

    private static func names(_ containers: [JSONValue]) -> String {
        let quoted = containers.map { "\"\($0["name"]?.string ?? "")\"" }.joined(separator: ", ")
        return containers.count == 1 ? "container \(quoted)" : "containers \(quoted)"
    }

    private static func baselineViolations(_ spec: JSONValue) -> [String] {
        var violations: [String] = []
        for field in ["hostNetwork", "hostPID", "hostIPC"] where spec[field]?.bool == true {
            violations.append("host namespaces (\(field)=true)")
        }
        let paths = (spec["volumes"]?.array ?? []).filter { $0["hostPath"] != nil }
        if !paths.isEmpty {
            let list = paths.map { "\"\($0["name"]?.string ?? "")\"" }.joined(separator: ", ")
            violations.append("hostPath volumes (volume \(list))")
        }
        let privileged = containers(spec).filter { $0[path: "securityContext", "privileged"]?.bool == true }
        if !privileged.isEmpty {
            violations.append("privileged (\(names(privileged)) must not set securityContext.privileged=true)")
        }
        return violations
    }

    private static func restrictedViolations(_ spec: JSONValue) -> [String] {
        var violations: [String] = []
        let all = containers(spec)
        let escalating = all.filter { $0[path: "securityContext", "allowPrivilegeEscalation"]?.bool != false }
        if !escalating.isEmpty {
            violations.append(
                "allowPrivilegeEscalation != false (\(names(escalating)) must set securityContext.allowPrivilegeEscalation=false)"
            )
        }
        let capable = all.filter {
            !($0[path: "securityContext", "capabilities", "drop"]?.array ?? []).contains("ALL")
        }
        if !capable.isEmpty {
            violations.append(
                "unrestricted capabilities (\(names(capable)) must set securityContext.capabilities.drop=[\"ALL\"])"
            )
        }
        if spec[path: "securityContext", "runAsNonRoot"]?.bool != true {
            let rooted = all.filter { $0[path: "securityContext", "runAsNonRoot"]?.bool != true }
            if !rooted.isEmpty {
                violations.append(
                    "runAsNonRoot != true (pod or \(names(rooted)) must set securityContext.runAsNonRoot=true)"
                )
            }
        }
        let profiles = ["RuntimeDefault", "Localhost"]
        if !profiles.contains(spec[path: "securityContext", "seccompProfile", "type"]?.string ?? "") {
            let open = all.filter {
                !profiles.contains($0[path: "securityContext", "seccompProfile", "type"]?.string ?? "")
            }
            if !open.isEmpty {
                violations.append(
                    "seccompProfile (pod or \(names(open)) must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
                )
            }
        }
        return violations + volumeViolations(spec)
    }

    private static func volumeViolations(_ spec: JSONValue) -> [String] {
        let allowed: Set<String> = [
            "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
            "image",
        ]
        let refused = (spec["volumes"]?.array ?? []).filter { volume in
            !(volume.object ?? [:]).keys.contains { allowed.contains($0) }
        }
        guard !refused.isEmpty else { return [] }
        let list = refused.map { "\"\($0["name"]?.string ?? "")\"" }.joined(separator: ", ")
        return ["restricted volume types (volume \(list) uses a restricted volume type)"]
    }
}
