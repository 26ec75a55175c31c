internal import SecureFiles

/// Changes of a file of tokens. Several at once lose nothing, and lines that are not changed stay as they are.
extension TokenFile {
    /// Reads a file.
    ///
    /// - Throws: `SecureFileError` if it cannot be read; ``AccessError`` if a line is wrong.
    public static func read(_ path: String) throws -> [TokenEntry] { try contents(of: path).entries }

    /// Adds a token. A file that is missing is made.
    ///
    /// - Returns: false if there is one of that name already.
    /// - Throws: as ``read(_:)``, and `SecureFileError` if the file cannot be written.
    public static func add(_ entry: TokenEntry, to path: String) throws -> Bool {
        if FileStamp(of: path) == nil {
            // Should another program make it just now, its file stays.
            _ = try SecureFile.make(path, with: [])
        }
        let lock = try FileEditLock(of: path)
        var (bytes, entries) = try contents(of: path)
        if entries.contains(where: { $0.name == entry.name }) { return false }
        guard entries.count < maxEntries else { throw AccessError("\(path): it has \(maxEntries) tokens already") }
        if let last = bytes.last, last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
        try lock.replace(path, with: bytes + entry.line)
        return true
    }

    /// Removes a token.
    ///
    /// - Returns: false if there is none of that name.
    /// - Throws: as ``read(_:)``, and `SecureFileError` if the file cannot be written.
    public static func remove(_ name: String, from path: String) throws -> Bool {
        let lock = try FileEditLock(of: path)
        let (bytes, entries) = try contents(of: path)
        guard entries.contains(where: { $0.name == name }) else { return false }
        let kept = try bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).filter { line in
            try self.entries(in: Array(line)).first?.name != name
        }
        try lock.replace(path, with: Array(kept.joined(separator: [UInt8(ascii: "\n")])))
        return true
    }

    private static func contents(of path: String) throws -> (bytes: [UInt8], entries: [TokenEntry]) {
        let bytes = try SecureFile.read(path, maxBytes: maxBytes, demanding: .secret).bytes
        do {
            return (bytes, try entries(in: bytes))
        } catch {
            throw AccessError("\(path): \(error)")
        }
    }
}
