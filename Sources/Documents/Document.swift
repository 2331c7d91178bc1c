import Charts

/// A report as a value: headings, words, tables and figures in their order. Each form that it is written in, HTML, Markdown
/// and LaTeX, walks the same sections, so that no form says more than another.
public struct Document: Sendable {
  /// What it is called.
  public var title: String
  /// What it is about, below the title.
  public var lead: [String]
  /// What a reader should see first, the gravest first.
  public var findings: [Finding]
  /// The sections.
  public var sections: [Section]
  /// Who made it.
  public var program: String

  /// Creates a document.
  public init(title: String, lead: [String], findings: [Finding], sections: [Section], program: String) {
    self.title = title
    self.lead = lead
    self.findings = findings
    self.sections = sections
    self.program = program
  }

  /// Something that a reader must not miss.
  public struct Finding: Equatable, Sendable {
    /// How grave it is.
    public enum Level: String, Sendable, CaseIterable {
      /// Numbers are missing or mean nothing.
      case problem
      /// Numbers may not mean what they seem to.
      case caution
      /// Good to know.
      case note
    }

    /// How grave it is.
    public var level: Level
    /// What it is about: a group of runs, or a run.
    public var subject: String
    /// What was found, a sentence or two.
    public var text: String

    /// Creates a finding.
    public init(_ level: Level, _ subject: String, _ text: String) {
      self.level = level
      self.subject = subject
      self.text = text
    }
  }

  /// A heading and what stands below it.
  public struct Section: Sendable {
    /// The anchor: lower-case words joined by hyphens, each once in a document.
    public var id: String
    /// The heading.
    public var title: String
    /// The content.
    public var blocks: [Block]

    /// Creates a section.
    public init(_ id: String, _ title: String, _ blocks: [Block]) {
      self.id = id
      self.title = title
      self.blocks = blocks
    }
  }

  /// A piece of a section.
  public enum Block: Sendable {
    /// A paragraph.
    case text(String)
    /// A heading within the section.
    case heading(String)
    /// A table.
    case table(TablePart)
    /// A figure.
    case figure(FigurePart)
    /// Why something is not shown.
    case absence(String)
    /// Words and what they mean.
    case terms([Term])
    /// A command line.
    case command(String)
  }

  /// A word and what it means.
  public struct Term: Equatable, Sendable {
    /// The word.
    public var name: String
    /// What it means.
    public var meaning: String

    /// Creates a term.
    public init(_ name: String, _ meaning: String) {
      self.name = name
      self.meaning = meaning
    }
  }

  /// A table with a name for its files.
  public struct TablePart: Sendable {
    /// The name of its files, without folder and ending.
    public var name: String
    /// What readers see.
    public var table: Table
    /// What its CSV holds, where that is more than readers see.
    public var data: Table?
    /// Whether it is so long that it is folded away until somebody asks for it.
    public var isFolded: Bool

    /// Creates a part.
    public init(_ name: String, _ table: Table, data: Table? = nil, isFolded: Bool = false) {
      self.name = name
      self.table = table
      self.data = data
      self.isFolded = isFolded
    }
  }

  /// A figure with a name for its files.
  public struct FigurePart: Sendable {
    /// The name of its files, without folder and ending.
    public var name: String
    /// What is drawn.
    public var content: Content
    /// What it shows, in a sentence.
    public var caption: String

    /// Creates a part.
    public init(_ name: String, _ figure: Figure, caption: String) {
      self.name = name
      content = .figure(figure)
      self.caption = caption
    }

    /// Creates a part of a drawing that shows no data.
    public init(_ name: String, _ drawing: Drawing, caption: String) {
      self.name = name
      content = .drawing(drawing)
      self.caption = caption
    }

    /// Either a figure of data, which can be had as numbers, too, or a drawing.
    public enum Content: Sendable {
      /// A figure.
      case figure(Figure)
      /// A drawing.
      case drawing(Drawing)
    }

    /// The figure; nil for a drawing.
    public var figure: Figure? { if case .figure(let figure) = content { figure } else { nil } }

    /// The drawing, and the points where it shows any.
    public var drawn: (drawing: Drawing, points: String?) {
      switch content {
      case .figure(let figure):
        let layout = figure.layout()
        return (layout.drawing(), layout.csv)
      case .drawing(let drawing): return (drawing, nil)
      }
    }

    /// Title, description and origin.
    public var metadata: Metadata {
      switch content {
      case .figure(let figure): figure.metadata
      case .drawing(let drawing): drawing.metadata
      }
    }

    /// Whether it is no wider than a column.
    var isColumn: Bool {
      switch content {
      case .figure(let figure): figure.width == .column
      case .drawing(let drawing): drawing.widthInMillimetres <= Double(Figure.Width.column.rawValue)
      }
    }

    /// The SVG file, from the document's folder.
    public var svgPath: String { "figures/\(name).svg" }
    /// The CSV of its points.
    public var pointsPath: String { "figures/\(name)-points.csv" }
  }

  /// All tables, in order.
  public var tables: [TablePart] {
    sections.flatMap(\.blocks).compactMap { if case .table(let part) = $0 { part } else { nil } }
  }

  /// All figures, in order.
  public var figures: [FigurePart] {
    sections.flatMap(\.blocks).compactMap { if case .figure(let part) = $0 { part } else { nil } }
  }
}

extension Document.TablePart {
  /// A file of the table, from the document's folder.
  public func path(_ ending: String) -> String { "tables/\(name).\(ending)" }
}
