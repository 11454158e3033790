/// The rules for what goes into the paths of the distribution API.
enum RegistryNames {
    /// Checks a repository's path and, where given, a tag or digest, so that neither can change the URL around it.
    static func check(repository: String, reference: String? = nil, host: String) throws(RegistryError) {
        let components = repository.split(separator: "/", omittingEmptySubsequences: false)
        guard repository.utf8.count <= 255, components.allSatisfy(isComponent) else {
            throw RegistryError(.invalidReference, host: host, message: "the repository's name cannot be one")
        }
        guard let reference else { return }
        guard OCIDigest(reference) != nil || isTag(reference) else {
            throw RegistryError(.invalidReference, host: host, message: "neither a tag nor a digest")
        }
    }

    /// What a token is asked for.
    static func scope(_ repository: String, _ actions: String) -> String { "repository:\(repository):\(actions)" }

    private static func isComponent(_ component: Substring) -> Bool {
        let bytes = component.utf8
        guard let first = bytes.first, let last = bytes.last, isAlphanumeric(first), isAlphanumeric(last) else {
            return false
        }
        // ".." cannot be: dots stand alone.
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
            && !component.contains("..")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func isTag(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...128).contains(bytes.count), let first = bytes.first, first != 0x2D, first != 0x2E else {
            return false
        }
        return bytes.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }
}
