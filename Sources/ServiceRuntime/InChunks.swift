#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Works on many items on several processors, in chunks; on few at once and in place. Between chunks others have their turn:
/// whoever waits for an answer must not wait for a thousand messages.
///
/// - Parameters:
///   - items: The items.
///   - smallest: The fewest items that are worth a chunk of their own; a chunk has less than twice as many. Default 64.
///   - body: Works on neighbours.
/// - Returns: What the body has made of each chunk, in the order of the items; nothing for no items.
package func inChunks<Item: Sendable, Success: Sendable>(
    of items: [Item],
    smallest: Int = 64,
    _ body: @escaping @Sendable ([Item]) -> Success
) async -> [Success] {
    guard !items.isEmpty else { return [] }
    let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    let chunks = items.count / max(1, smallest)
    guard chunks > 1 else { return [body(items)] }
    let size = (items.count + chunks - 1) / chunks
    let starts = Array(stride(from: 0, to: items.count, by: size))
    return await concurrentMap(starts, limit: processors) { start in
        body(Array(items[start..<min(start + size, items.count)]))
    }
}
