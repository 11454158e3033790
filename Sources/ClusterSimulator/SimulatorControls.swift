import WireFormats

/// The simulator's own endpoints under `/simulator/`, for programs that run beside it.
struct SimulatorControls: Sendable {
    func respond(to request: APIRequest) async -> APIResponse? {
        nil
    }
}
