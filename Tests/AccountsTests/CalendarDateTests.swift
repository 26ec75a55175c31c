import Accounts
import Testing

@Suite struct CalendarDateTests {
    @Test(arguments: ["2026-01-31", "2024-02-29", "2000-02-29", "0000-02-29", "9999-12-31", "0001-01-01"])
    func `a day of the calendar is read and written as it is`(text: String) {
        #expect(CalendarDate(text)?.description == text)
    }

    @Test(arguments: [
        "", "2026-02-29", "2100-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-01", "2026-01-00",
        "2026-01-32", "2026-1-31", "2026-01-31 ", " 2026-01-3", "26-01-31", "20260131", "2026/01/31", "2026-01-31T",
        "+026-01-31", "٢٠٢٦-01", "2026-01-3T", "2026-01-31T00:00:00Z",
    ])
    func `anything else is none`(text: String) {
        #expect(CalendarDate(text) == nil)
    }

    @Test func `earlier comes before later`() throws {
        let dates = try ["0999-12-31", "2026-01-31", "2026-02-01", "2027-01-01"].map { try #require(CalendarDate($0)) }
        #expect(dates.reversed().sorted() == dates)
    }
}
