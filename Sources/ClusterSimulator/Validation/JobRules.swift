import WireFormats

/// Jobs: defaults, the generated selector and labels, validation, and the immutable template.
enum JobRules {
    static let prepareCreate: ResourceHooks.Prepare = { json, _ throws(APIStatusError) in
        let name = json[path: "metadata", "name"]?.string ?? ""
        let uid = json[path: "metadata", "uid"]?.string ?? ""
        json.update("spec") { spec in
            spec.setDefault("parallelism", 1)
            spec.setDefault("completions", 1)
            spec.setDefault("backoffLimit", 6)
            spec.setDefault("completionMode", "NonIndexed")
            spec.setDefault("suspend", false)
            spec.setDefault("manualSelector", false)
            spec.setDefault("podReplacementPolicy", "TerminatingOrFailed")
            spec.update("template") { template in
                template.update("spec") { PodRules.setDefaults(&$0) }
                template.update("metadata") { metadata in
                    metadata.update("labels") { labels in
                        labels["batch.kubernetes.io/controller-uid"] = .string(uid)
                        labels["batch.kubernetes.io/job-name"] = .string(name)
                        labels["controller-uid"] = .string(uid)
                        labels["job-name"] = .string(name)
                    }
                }
            }
            if spec["manualSelector"]?.bool != true {
                spec["selector"] = ["matchLabels": ["batch.kubernetes.io/controller-uid": .string(uid)]]
                spec.removeMember("manualSelector")
            }
        }
        json["status"] = [:]
    }

    static let validate: ResourceHooks.Validate = { new, old in
        let spec = new["spec"] ?? [:]
        var faults: [FieldError] = []
        for field in ["parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds"]
        {
            guard let value = spec[field], !value.isNull, (value.integer ?? -1) < 0 else { continue }
            faults.append(.invalid("spec.\(field)", value, "must be greater than or equal to 0"))
        }
        if let old {
            let detail = "field is immutable"
            for field in ["completions", "selector", "template", "completionMode"]
            where spec[field] != old[path: "spec", field] {
                faults.append(.invalid("spec.\(field)", spec[field] ?? .null, detail))
            }
            return faults
        }
        let policy = spec[path: "template", "spec", "restartPolicy"] ?? ""
        if !["Never", "OnFailure"].contains(policy.string ?? "") {
            let path = "spec.template.spec.restartPolicy"
            faults.append(
                policy.string == "Always"
                    ? .notSupported(path, policy, ["OnFailure", "Never"])
                    : .required(path, "valid values: \"OnFailure\", \"Never\"")
            )
        }
        let name = new[path: "metadata", "name"]?.string ?? ""
        if name.utf8.count > 63 {
            let detail = "must be no more than 63 bytes"
            faults.append(.invalid("spec.template.labels", .string(name), detail))
        }
        for (key, value) in spec[path: "template", "metadata", "labels"]?.object ?? [:]
        where !["job-name", "batch.kubernetes.io/job-name"].contains(key) {
            faults += MetadataValidation.labelFaults("spec.template.metadata.labels", key, value)
        }
        return faults + PodRules.faults(spec[path: "template", "spec"] ?? [:], path: "spec.template.spec")
    }
}
