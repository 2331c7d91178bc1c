import Charts
import Text

/// How a number and what it belongs to become a line. Bytes rather than strings, which would take twice the time.
public enum RecordSyntax: Sendable {
  /// `run,step,layer,tensor,statistic,value`, where `hasElements` with `element` before `statistic`.
  case csv(hasElements: Bool)
  /// `{"run":…,"step":…,"layer":…,"tensor":…,"element":…,"statistic":…,"value":…}` without what does not apply.
  case jsonLines

  /// What the numbers are of.
  struct Subject {
    var layer: Int?
    var tensor: String?
    var element: Int?
    var statistic: String
  }

  /// The first line.
  var header: [UInt8] {
    switch self {
    case .csv(let hasElements):
      Array("run,step,layer,tensor,\(hasElements ? "element," : "")statistic,value\n".utf8)
    case .jsonLines: []
    }
  }

  /// The beginning of the lines of one run and step.
  func head(run: String, step: Int) -> [UInt8] {
    switch self {
    case .csv: Array("\(CSVText.field(run)),\(step)".utf8)
    case .jsonLines: Array("{\"run\":\(JSONText.string(run)),\"step\":\(step)".utf8)
    }
  }

  /// What follows it up to the number.
  func middle(_ subject: Subject) -> [UInt8] {
    let layer = subject.layer.map(String.init)
    let element = subject.element.map(String.init)
    switch self {
    case .csv(let hasElements):
      var fields = ["", layer ?? "", CSVText.field(subject.tensor ?? "")]
      if hasElements { fields.append(element ?? "") }
      fields += [CSVText.field(subject.statistic), ""]
      return Array(fields.joined(separator: ",").utf8)
    case .jsonLines:
      let members = [
        layer.map { "\"layer\":\($0)" }, subject.tensor.map { "\"tensor\":\(JSONText.string($0))" },
        element.map { "\"element\":\($0)" }, "\"statistic\":\(JSONText.string(subject.statistic))",
        "\"value\":",
      ].compactMap { $0 }
      return Array(("," + members.joined(separator: ",")).utf8)
    }
  }

  /// Appends a number and the end of its line; the number has as many digits as it takes to read it back exactly.
  func append(_ value: Double, isInteger: Bool = false, to text: inout [UInt8]) {
    appendNumber(value, digits: isInteger ? Int(value).description : value.description, to: &text)
  }

  /// The same for a float32, whose digits are fewer.
  func append(_ value: Float, to text: inout [UInt8]) {
    appendNumber(Double(value), digits: value.description, to: &text)
  }

  private func appendNumber(_ value: Double, digits: String, to text: inout [UInt8]) {
    switch self {
    case .csv:
      text.append(contentsOf: (value.isNaN ? "nan" : digits).utf8)
    case .jsonLines:
      text.append(contentsOf: (value.isFinite ? digits : JSONText.number(value)).utf8)
      text.append(UInt8(ascii: "}"))
    }
    text.append(UInt8(ascii: "\n"))
  }
}
