package import WireFormats

/// A Job (`batch/v1`).
package struct Job: KubernetesResource, Hashable {
    package static let apiGroup = "batch"
    package static let apiVersion = "v1"
    package static let kind = "Job"
    package static let plural = "jobs"
    package static let isNamespaced = true

    package var metadata: ObjectMeta
    /// What is to be done.
    package var spec: JobSpec
    /// What has been done.
    package var status: JobStatus

    /// Creates a Job.
    package init(metadata: ObjectMeta, spec: JobSpec, status: JobStatus = JobStatus()) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// Reads a Job.
    package init(json: JSONValue) throws(JSONMappingError) {
        metadata = try json.nested("metadata") ?? ObjectMeta()
        spec = try JobSpec(json: json["spec"] ?? .null)
        status = try json.nested("status") ?? JobStatus()
    }

    /// The Job as the API takes it.
    package var json: JSONValue {
        var object = envelope
        object.set("spec", spec)
        object.set("status", status)
        return .object(object)
    }
}

/// What a Job is to do.
package struct JobSpec: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// What its Pods run.
    package var template: PodTemplate
    /// How many failed Pods are replaced; the server's default is 6.
    package var backoffLimit: Int?
    /// How long the Job may be active, in seconds.
    package var activeDeadlineSeconds: Int?
    /// How long the Job stays after its end, in seconds.
    package var ttlSecondsAfterFinished: Int?
    /// How many Pods run at once.
    package var parallelism: Int?
    /// How many Pods must succeed.
    package var completions: Int?
    /// Whether no Pods are started.
    package var suspend: Bool?

    /// Creates a specification; everything not given is left to the server's defaults.
    package init(
        template: PodTemplate,
        backoffLimit: Int? = nil,
        activeDeadlineSeconds: Int? = nil,
        ttlSecondsAfterFinished: Int? = nil,
        parallelism: Int? = nil,
        completions: Int? = nil,
        suspend: Bool? = nil
    ) {
        self.template = template
        self.backoffLimit = backoffLimit
        self.activeDeadlineSeconds = activeDeadlineSeconds
        self.ttlSecondsAfterFinished = ttlSecondsAfterFinished
        self.parallelism = parallelism
        self.completions = completions
        self.suspend = suspend
    }

    /// Reads a specification.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            template: try json.nested("template") ?? PodTemplate(spec: PodSpec()),
            backoffLimit: json["backoffLimit"]?.integer,
            activeDeadlineSeconds: json["activeDeadlineSeconds"]?.integer,
            ttlSecondsAfterFinished: json["ttlSecondsAfterFinished"]?.integer,
            parallelism: json["parallelism"]?.integer,
            completions: json["completions"]?.integer,
            suspend: json["suspend"]?.bool
        )
    }

    /// The specification as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("parallelism", parallelism)
        object.set("completions", completions)
        object.set("activeDeadlineSeconds", activeDeadlineSeconds)
        object.set("backoffLimit", backoffLimit)
        object.set("suspend", suspend)
        object.set("ttlSecondsAfterFinished", ttlSecondsAfterFinished)
        object.set("template", template)
        return .object(object)
    }
}

/// What a Job has done.
package struct JobStatus: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// `Complete`, `Failed` and others.
    package var conditions: [Condition]
    /// Pods that run or wait.
    package var active: Int
    /// Pods that succeeded.
    package var succeeded: Int
    /// Pods that failed.
    package var failed: Int
    /// When the Job controller took the Job up.
    package var startTime: Timestamp?
    /// When the Job completed; absent where it failed.
    package var completionTime: Timestamp?

    /// Creates a status.
    package init(
        conditions: [Condition] = [],
        active: Int = 0,
        succeeded: Int = 0,
        failed: Int = 0,
        startTime: Timestamp? = nil,
        completionTime: Timestamp? = nil
    ) {
        self.conditions = conditions
        self.active = active
        self.succeeded = succeeded
        self.failed = failed
        self.startTime = startTime
        self.completionTime = completionTime
    }

    /// Reads a status.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            conditions: try json.list("conditions"),
            active: json["active"]?.integer ?? 0,
            succeeded: json["succeeded"]?.integer ?? 0,
            failed: json["failed"]?.integer ?? 0,
            startTime: json.timestamp("startTime"),
            completionTime: json.timestamp("completionTime")
        )
    }

    /// The status as the API takes it; zero counts are left out, as the server does.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("conditions", conditions)
        object.set("active", active == 0 ? nil : active)
        object.set("succeeded", succeeded == 0 ? nil : succeeded)
        object.set("failed", failed == 0 ? nil : failed)
        object.set("startTime", startTime?.rfc3339Seconds)
        object.set("completionTime", completionTime?.rfc3339Seconds)
        return .object(object)
    }

    /// Whether the Job has come to its end, one way or the other.
    package var isFinished: Bool { conditions.isTrue("Complete") || conditions.isTrue("Failed") }
}
