import Glibc
import Redaction

/// The bytes of certificates and the private key at fixed addresses, because libcurl reads them in place at each
/// handshake.
///
/// Thread safety: the bytes are written once, before anyone else sees the object, and every transfer keeps it alive.
final class CurlKeyMaterial: Sendable {
    nonisolated(unsafe) let authorities: UnsafeRawBufferPointer?
    nonisolated(unsafe) let certificate: UnsafeRawBufferPointer?
    nonisolated(unsafe) let key: UnsafeRawBufferPointer?

    init(configuration: CurlClient.Configuration) {
        authorities = configuration.caPEM.map(Self.copy)
        certificate = configuration.clientCertificatePEM.map(Self.copy)
        key = configuration.clientKey.map { Self.copy($0.exposeBytes()) }
    }

    deinit {
        for buffer in [authorities, certificate, key] {
            guard let buffer else { continue }
            let mutable = UnsafeMutableRawBufferPointer(mutating: buffer)
            if let base = mutable.baseAddress { explicit_bzero(base, mutable.count) }
            mutable.deallocate()
        }
    }

    private static func copy(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        buffer.copyBytes(from: bytes)
        return UnsafeRawBufferPointer(buffer)
    }
}
