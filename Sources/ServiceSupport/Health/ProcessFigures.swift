internal import Glibc

/// What the system tells of this process.
enum ProcessFigures {
    static var all: [Figure] {
        var figures: [Figure] = []
        if let pages = residentPages {
            figures.append(
                Figure(
                    .gauge, "resident_memory_bytes", pages * UInt64(clamping: sysconf(Int32(_SC_PAGESIZE))),
                    help: "Memory of the process that is resident."))
        }
        return figures
    }

    /// The second number of `/proc/self/statm` (proc(5)); nil where there is no such file.
    private static var residentPages: UInt64? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let numbers = text.split(separator: " ")
        return numbers.count > 1 ? UInt64(numbers[1]) : nil
    }
}
