import Curl

/// The bytes of a blob as they arrive. The end comes only when they are those of the digest.
///
/// One task may read it, once; letting go of it ends the transfer.
package struct RegistryBlob: AsyncSequence, Sendable {
    /// What it is made of.
    package typealias Element = [UInt8]
    /// Why it can break off.
    package typealias Failure = RegistryError

    private let body: CurlBody
    private let digest: OCIDigest
    private let size: Int?
    private let host: String

    init(body: CurlBody, digest: OCIDigest, size: Int?, host: String) {
        self.body = body
        self.digest = digest
        self.size = size
        self.host = host
    }

    /// Reads one piece after the other and adds up the digest.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private var iterator: CurlBody.AsyncIterator
        private var hash: OCIDigest.OCIHash
        private var received = 0
        private let blob: RegistryBlob

        fileprivate init(_ blob: RegistryBlob) {
            self.blob = blob
            self.iterator = blob.body.makeAsyncIterator()
            self.hash = OCIDigest.OCIHash(blob.digest.algorithm)
        }

        /// The next piece, or nil at the blob's verified end.
        ///
        /// - Throws: ``RegistryError``; ``RegistryError/Code/digestMismatch`` at the end.
        package mutating func next() async throws(RegistryError) -> [UInt8]? {
            try await next(isolation: nil)
        }

        /// The next piece, or nil at the blob's verified end.
        package mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(RegistryError) -> [UInt8]? {
            let piece: [UInt8]?
            do {
                piece = try await iterator.next(isolation: actor)
            } catch {
                throw RegistryError(error, host: blob.host)
            }
            if let piece {
                hash.update(piece)
                received += piece.count
                return piece
            }
            guard hash.digest() == blob.digest, blob.size == nil || blob.size == received else {
                throw RegistryError(.digestMismatch, host: blob.host, message: "the blob is not \(blob.digest)")
            }
            return nil
        }
    }

    /// Starts reading.
    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    /// Reads to the verified end.
    ///
    /// - Parameter limit: The most bytes to gather.
    /// - Returns: The blob.
    /// - Throws: ``RegistryError``; ``RegistryError/Code/tooLarge`` beyond the limit.
    package func collect(upTo limit: Int) async throws(RegistryError) -> [UInt8] {
        var gathered: [UInt8] = []
        var iterator = makeAsyncIterator()
        while let piece = try await iterator.next() {
            guard gathered.count + piece.count <= limit else {
                body.cancel()
                throw RegistryError(.tooLarge, host: host, message: "the blob is larger than \(limit) bytes")
            }
            gathered += piece
        }
        return gathered
    }
}
