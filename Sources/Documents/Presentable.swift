import Charts

/// A result that can be shown: printed, drawn, and written to files.
public protocol Presentable {
  /// What is printed, in its order.
  /// - Throws: where a table was asked for that the result does not have.
  func tables() throws -> [Table]

  /// What a reader is told beside the tables, a line each.
  var remarks: [String] { get }

  /// The figure that was asked for; nil where there is nothing to draw.
  /// - Throws: where the result does not have it, and that has to be said.
  func figure() throws -> Figure?

  /// Hands over every table and figure that there is, one by one.
  func writeFiles(_ write: (ResultFile) throws -> Void) throws
}

extension Presentable {
  /// Nothing.
  public var remarks: [String] { [] }
}

/// A file of a result, or a figure's two.
public enum ResultFile {
  /// A table as CSV, by its file's name without the ending.
  case table(String, Table)
  /// A figure as SVG with the points that it shows beside it, by its file's name without the ending.
  case figure(String, Figure)
  /// A text, by its file's name.
  case text(String, String)

  /// Names and texts.
  public var contents: [(name: String, text: String)] {
    switch self {
    case .table(let name, let table): [("\(name).csv", table.rendered(as: .csv))]
    case .figure(let name, let figure): [("\(name).svg", figure.svg), ("\(name)-points.csv", figure.csv)]
    case .text(let name, let text): [(name, text)]
    }
  }
}
