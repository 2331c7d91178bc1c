import Analysis
import Architecture
import ArgumentParser
import Charts
import CommandOptions
import CommandSupport
import Documents
import Experiments
import Text

/// `nf-probe architectures`: the wirings that are there by name, and one of them in full.
struct ArchitecturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "architectures",
    abstract: "List the architectures, or print one: its file, equation, source and parameters.",
    discussion: """
      Each is a short YAML file in the language of architectures; wherever a name is taken, the path of such a file of your \
      own is taken too. Print one to begin with:

        nf-probe architectures
        nf-probe architectures llama
        nf-probe architectures llama --svg llama.svg
        nf-probe architectures llama --yaml > mine.yaml
        nf-probe architectures peri-ln --parts llama --yaml > mine.yaml
        nf-probe grads --architectures pre-ln,mine.yaml
      """)

  @Argument(help: ArgumentHelp("A name, or the path of a file.", valueName: "architecture"))
  var architecture: ArchitectureChoice?

  @Flag(help: "Print the file alone.")
  var yaml = false

  @Flag(help: "Print the file with everything said and nothing left to defaults.")
  var resolved = false

  @Option(help: ArgumentHelp("Draw its wiring into an SVG file.", valueName: "file"))
  var svg: String?

  @OptionGroup(title: "Sizes at which parameters are counted") var model: ModelOptions
  @Option(help: "How the list, or the table of parameters, is printed.")
  var format: TableFormat = .table

  func validate() throws {
    guard architecture != nil || (!yaml && !resolved && svg == nil) else {
      throw ValidationError("--yaml, --resolved and --svg show one architecture: name it")
    }
    guard !(yaml && resolved) else {
      throw ValidationError("--yaml and --resolved print two different texts")
    }
  }

  func run() throws {
    let console = Console(isQuiet: false)
    guard let architecture else { return console.print([try list()], as: format) }
    let description = try model.settings.description(of: architecture)
    let configuration = try configuration(architecture)
    if let svg {
      let subject = WiringDrawing.Subject(description, layerCount: configuration.layerCount)
      let wiring = WiringDrawing([subject], program: FigureFile.program, command: FigureFile.command)
      try OutputFolder.write(wiring.drawing.svg, to: svg)
    }
    if yaml { return console.print(description.text) }
    if resolved { return console.print(description.resolvedText) }
    if format == .table {
      console.print(paragraph: "\(description.title): \(description.summary)")
      console.print(paragraph: "Equation: \(description.equation)")
      console.print(paragraph: "Source: \(description.source)")
      console.print("\n\(description.text)")
    }
    console.print([parameters(configuration)], as: format)
  }

  /// A line each.
  private func list() throws -> Table {
    var table = Table(
      title: "Architectures",
      columns: [
        Table.Column("name", title: "name", kind: .text),
        Table.Column("title", title: "paper's name", kind: .text),
        Table.Column("summary", title: "what is particular", kind: .text),
      ])
    for name in ArchitecturePreset.names {
      guard let description = ArchitecturePreset.named(name) else { continue }
      table.append([.text(name), .text(description.title), .text(description.summary)])
    }
    table.notes = ["A path of a file in the same language can stand wherever a name can."]
    return table
  }

  private func configuration(_ architecture: ArchitectureChoice) throws -> ModelConfiguration {
    let configuration = try model.settings.configuration(
      of: architecture, corpusVocabulary: model.settings.languageVocabulary, sequenceLength: 128)
    do { try configuration.validate() } catch { throw CommandError.usage("--\(error)") }
    return configuration
  }

  /// A row for each tensor of a layer that differs in nothing from the others, then for those outside the layers.
  private func parameters(_ configuration: ModelConfiguration) -> Table {
    let parameters = ParameterTable(configuration)
    var table = Table(
      title: "\(parameters.elementCount) parameters: \(counted(configuration.layerCount, "layer")) of width "
        + "\(configuration.modelDim), \(counted(configuration.headCount, "head")) of \(configuration.headDim) on "
        + "\(configuration.keyValueHeadCount) of keys and values, FFN \(configuration.ffnDim), "
        + "vocabulary \(configuration.embeddingCount)",
      columns: [
        Table.Column("tensor", title: "tensor", kind: .text),
        Table.Column("shape", title: "shape", kind: .text),
        Table.Column("layers", title: "layers", kind: .text),
      ])
    for name in parameters.layerTensorNames {
      let layers = (0..<parameters.layerCount).filter { parameters.index(layer: $0, name: name) != nil }
      guard let first = layers.first, let index = parameters.index(layer: first, name: name) else { continue }
      let which = layers.count == parameters.layerCount ? "all" : ranges(layers)
      table.append([.text(name), .text(shape(parameters.parameters[index].spec)), .text(which)])
    }
    for index in parameters.stemIndices {
      let spec = parameters.parameters[index].spec
      table.append([.text(spec.name), .text(shape(spec)), .text("")])
    }
    return table
  }

  private func shape(_ spec: ParameterSpec) -> String { spec.shape.map(String.init).joined(separator: " x ") }

  /// `0-2, 6`.
  private func ranges(_ layers: [Int]) -> String {
    var parts: [(Int, Int)] = []
    for layer in layers {
      if let last = parts.last, last.1 == layer - 1 {
        parts[parts.count - 1].1 = layer
      } else {
        parts.append((layer, layer))
      }
    }
    return parts.map { $0 == $1 ? "\($0)" : "\($0)-\($1)" }.joined(separator: ", ")
  }
}
