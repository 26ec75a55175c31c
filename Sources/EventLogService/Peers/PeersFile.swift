internal import SecureFiles

/// The file that names the peers of the log.
struct PeersFile: Sendable {
    let path: String

    /// Another one whenever the file may have changed; nil if there is none.
    var stamp: FileStamp? { FileStamp(of: path) }

    func read() throws(PeersFileError) -> (PeerTable, FileStamp) {
        let (bytes, stamp): ([UInt8], FileStamp)
        do throws(SecureFileError) {
            (bytes, stamp) = try SecureFile.read(path, maxBytes: PeerTable.maxBytes, demanding: .trusted)
        } catch {
            throw PeersFileError(error.description)
        }
        do throws(PeerTableError) {
            return (try PeerTable(bytes), stamp)
        } catch {
            throw PeersFileError("\(path), \(error)")
        }
    }
}

/// Why a file of peers cannot be taken: one sentence that names the file.
public struct PeersFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    init(_ description: String) { self.description = description }
}
