package import SecureFiles

/// A file that may change at any time: tells when it must be read again.
///
/// A change is read twice, in two looks: a file that is written in place may be half written at the first one, and the
/// clock of the file system may be too coarse to show that it was.
package struct WatchedFile: Sendable {
    /// What a look found.
    package enum Finding: Sendable {
        /// Nothing new.
        case unchanged
        /// The bytes of the file, which may be other ones than before.
        case read([UInt8])
        /// It cannot be read; told once for the same reason.
        case failed(SecureFileError)
    }

    /// Where it is.
    package let path: String
    private let maxBytes: Int
    private let demand: SecureFile.Demand
    private var stamp: FileStamp?
    private var isSettled = false
    private var failure: SecureFileError?

    /// A file that was not looked at yet.
    package init(_ path: String, maxBytes: Int, demanding demand: SecureFile.Demand) {
        self.path = path
        self.maxBytes = maxBytes
        self.demand = demand
    }

    /// Looks whether the file has changed, and reads it if so.
    ///
    /// - Parameter always: whether it is read even if it seems to be the same.
    package mutating func look(always: Bool = false) -> Finding {
        let found = FileStamp(of: path)
        if !always, isSettled, failure == nil, found == stamp { return .unchanged }
        do throws(SecureFileError) {
            let (bytes, readStamp) = try SecureFile.read(path, maxBytes: maxBytes, demanding: demand)
            isSettled = readStamp == stamp && failure == nil
            stamp = readStamp
            failure = nil
            return .read(bytes)
        } catch {
            isSettled = false
            if !always, error == failure { return .unchanged }
            failure = error
            return .failed(error)
        }
    }
}
