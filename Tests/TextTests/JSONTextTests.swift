import Testing
import Text

@Suite struct JSONTextTests {
  @Test func stringsAreEscaped() {
    #expect(JSONText.string("a\"b\\c") == #""a\"b\\c""#)
    #expect(JSONText.string("\n\t\r\u{0}\u{1F}") == #""\n\t\u000d\u0000\u001f""#)
    #expect(JSONText.string("α/日本") == "\"α/日本\"")
  }

  @Test func numbersThatAreNotFiniteAreStrings() {
    #expect([1.5, 250, 1e-7].map(JSONText.number) == ["1.5", "250", "1e-07"])
    #expect(
      [.nan, -.nan, .infinity, -.infinity].map(JSONText.number) == [
        #""nan""#, #""nan""#, #""inf""#, #""-inf""#,
      ])
  }
}
