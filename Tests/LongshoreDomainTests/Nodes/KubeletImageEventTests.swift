import Testing

@testable import LongshoreDomain

@Suite struct KubeletImageEventTests {
    typealias Fact = KubeletImageEvent.Fact

    static let merged = "(combined from similar events): "
    static let denied =
        "rpc error: code = Unknown desc = failed to resolve reference \"r.example.com/a:1\": 401 Unauthorized"

    /// Reason, message, image, fact: the texts of kubelets 1.20 to 1.36.
    static let texts: [(String, String, String, Fact)] = [
        ("Pulling", "Pulling image \"r.example.com/a:1\"", "r.example.com/a:1", .pulling),
        ("Pulling", "pulling image \"a\"", "a", .pulling),
        ("Pulling", merged + "Pulling image \"h:5000/a@sha256:00\"", "h:5000/a@sha256:00", .pulling),
        (
            "Pulled", "Successfully pulled image \"a:1\" in 1.2s (1.5s including waiting). Image size: 42 bytes.",
            "a:1",
            .pulled(duration: .milliseconds(1_200), bytes: 42)
        ),
        (
            "Pulled",
            merged
                + "Successfully pulled image \"a:1\" in 350ms (1m3.5s including waiting). Image size: 5368709120 bytes.",
            "a:1", .pulled(duration: .milliseconds(350), bytes: 5_368_709_120)
        ),
        (
            "Pulled", "Successfully pulled image \"I:1\" in 1h2m3.5s (1h2m4s including waiting)", "I:1",
            .pulled(duration: .milliseconds(3_723_500), bytes: nil)
        ),
        (
            "Pulled", "Successfully pulled image \"a:1\" in 1.234567891s", "a:1",
            .pulled(duration: .milliseconds(1_235), bytes: nil)
        ),
        ("Pulled", "Successfully pulled image \"a:1\"", "a:1", .pulled(duration: nil, bytes: nil)),
        ("Pulled", "Successfully pulled image \"a:1\" in soon", "a:1", .pulled(duration: nil, bytes: nil)),
        (
            "Pulled", "Successfully pulled image \"a:1\" in 0s (0s including waiting). Image size: 0 bytes.", "a:1",
            .pulled(duration: .zero, bytes: 0)
        ),
        ("Pulled", "Container image \"a:1\" already present on machine", "a:1", .present),
        (
            "Pulled", "Container image \"a:1\" already present on machine and can be accessed by the pod", "a:1",
            .present
        ),
        (
            "Failed", "Failed to pull image \"r.example.com/a:1\": \(denied)", "r.example.com/a:1",
            .failed(message: denied)
        ),
        ("BackOff", "Back-off pulling image \"a:1\"", "a:1", .backingOff),
        ("BackOff", "Back-off pulling image \"a:1\": ErrImagePull: x", "a:1", .backingOff),
        (
            "InspectFailed", "Failed to inspect image \"a:1\": x", "a:1",
            .failed(message: "Failed to inspect image \"a:1\": x")
        ),
        (
            "ErrImageNeverPull", "Container image \"a:1\" is not present with pull policy of Never", "a:1",
            .failed(message: "Container image \"a:1\" is not present with pull policy of Never")
        ),
    ]

    @Test(arguments: texts) func `what a kubelet says of an image is read`(
        _ reason: String,
        _ message: String,
        _ image: String,
        _ fact: Fact
    ) {
        #expect(KubeletImageEvent(reason: reason, message: message) == KubeletImageEvent(image: image, fact: fact))
    }

    @Test(arguments: [
        ("Failed", "Error: ErrImagePull"), ("Created", "Container created"), ("Started", "Started container image-0"),
        ("BackOff", "Back-off restarting failed container \"a\" in pod p_n(1)"),
        ("InspectFailed", "Failed to inspect image \"\": x"), ("Pulled", "Pulling image \"a\""),
        ("Pulling", "Pulling image \"a"),
        ("Scheduled", "Successfully assigned \"a\""), ("Failed", ""),
    ])
    func `what is about no image is nothing`(_ reason: String, _ message: String) {
        #expect(KubeletImageEvent(reason: reason, message: message) == nil)
    }
}
