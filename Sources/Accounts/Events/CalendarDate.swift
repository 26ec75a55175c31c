internal import EventSourcing

/// A date of the Gregorian calendar, of the years 0000 to 9999: `2026-01-31` (RFC 3339, `full-date`).
public struct CalendarDate: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Year, month and day.
    private let text: String

    /// Reads a date; nil for another form, and for a day that the month does not have.
    public init?(_ text: String) {
        guard text.utf8.count == 10, Timestamp(rfc3339: text + "T00:00:00Z") != nil else { return nil }
        self.text = text
    }

    /// Year, month and day: `2026-01-31`.
    public var description: String { text }

    /// Earlier before later.
    public static func < (left: CalendarDate, right: CalendarDate) -> Bool { left.text < right.text }
}
