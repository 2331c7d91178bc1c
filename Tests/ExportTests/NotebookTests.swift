import Foundation
import Testing

@testable import Export

@Suite struct NotebookTests {
  @Test func cellsKeepTheirTextLineByLine() throws {
    let book = Notebook(cells: [
      .markdown("intro", "# Title\n\n\"quoted\" \\ α/b\n"),
      .code("a", "x = 1\nx", [Notebook.Output(data: ["text/plain": "1"])]),
    ])
    let text = try book.text()
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    let cells = try #require(object?["cells"] as? [[String: Any]])
    #expect(cells[0]["source"] as? [String] == ["# Title\n", "\n", "\"quoted\" \\ α/b\n"])
    #expect(cells[0]["cell_type"] as? String == "markdown" && cells[0]["outputs"] == nil)
    #expect(cells[1]["source"] as? [String] == ["x = 1\n", "x"])
    #expect(cells[1]["execution_count"] is NSNull)
    #expect(object?["nbformat"] as? Int == 4 && object?["nbformat_minor"] as? Int == 5)
    #expect(try book.text() == text)
  }

  @Test(arguments: [
    ("/a/b/run.h5", "/a/b/x.ipynb", "run.h5"), ("/a/b/run.h5", "/a/x.ipynb", "b/run.h5"),
    ("/a/run.h5", "/a/b/c/x.ipynb", "../../run.h5"), ("/a/b/run.h5", "/c/x.ipynb", "../a/b/run.h5"),
    ("/a/../d/run.h5", "/d/./x.ipynb", "run.h5"),
  ])
  func pathsAreSeenFromTheNotebook(file: String, notebook: String, relative: String) {
    #expect(relativePath(of: file, from: notebook) == relative)
  }
}
