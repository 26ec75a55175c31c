#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The beginning of a rollback journal: "Database File Format", section 3, of SQLite's documentation.
struct RollbackJournal {
    private static let magic: [UInt8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]
    private static let headerSize = 28
    private static let pageSizes = 512...65536

    /// How many pages the database had before the change; 0 if it was made by it.
    let pagesBefore: UInt32
    /// The first page as it was before the change, if the journal holds that page alone.
    let onlyPage: [UInt8]?

    /// Reads the journal at `path`.
    ///
    /// - Returns: nil if there is none that SQLite would roll back.
    init?(path: String) throws {
        guard DatabasePath.exists(path) else { return nil }
        let descriptor = try RegularFile.open(path, makingIt: false)
        defer { close(descriptor) }
        let header = Self.read(descriptor, Self.headerSize, at: 0)
        guard header.count == Self.headerSize, header.prefix(8).elementsEqual(Self.magic) else { return nil }
        pagesBefore = Self.word(header, 16)
        let (sectorSize, pageSize) = (Int(Self.word(header, 20)), Int(Self.word(header, 24)))
        guard Self.pageSizes ~= pageSize, 32...65536 ~= sectorSize else {
            onlyPage = nil
            return
        }
        // A record is the page's number, the page and a checksum.
        let records = Self.read(descriptor, pageSize + 9, at: sectorSize)
        onlyPage =
            records.count == pageSize + 8 && Self.word(records, 0) == 1 ? Array(records[4..<pageSize + 4]) : nil
    }

    private static func read(_ descriptor: Int32, _ count: Int, at offset: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = pread(descriptor, &bytes, count, off_t(offset))
        return Array(bytes.prefix(max(0, result)))
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
