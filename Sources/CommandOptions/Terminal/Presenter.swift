import Documents

/// Options of a command that shows a result: what `--format` and `--svg` say.
package protocol ViewOptions {
  var format: TableFormat { get }
  var svg: String? { get }
}

extension ViewOptions {
  /// Whether tables go to another program, which takes one with all numbers; a reader gets those that belong together.
  package var isForPrograms: Bool { format == .csv || format == .json }
}

/// Shows a result as a command was asked to: tables on standard output, a figure of `--svg`, everything in the folder of `--out`.
package struct Presenter {
  package let console: Console
  package let format: TableFormat
  package let svg: String?

  package init(_ options: some ViewOptions, _ console: Console) {
    (format, svg) = (options.format, options.svg)
    self.console = console
  }

  /// Shows a result, and writes its files where there is a folder for them.
  ///
  /// What cannot be had is said before anything is printed.
  package func present(_ result: some Presentable, into folder: @autoclosure () throws -> OutputFolder?)
    throws
  {
    let tables = try result.tables()
    let figure = try svg == nil ? nil : result.figure()
    let folder = try folder()
    show(tables, result.remarks)
    if let svg, let figure { try FigureFile.write(figure, to: svg) }
    if let folder { try write(result, into: folder) }
  }

  /// Shows a result alone.
  package func show(_ result: some Presentable) throws { try present(result, into: nil) }

  /// Writes a result's files.
  package func write(_ result: some Presentable, into folder: OutputFolder) throws {
    try folder.write(result)
    console.progress("written to \(folder.path)")
  }

  private func show(_ tables: [Table], _ remarks: [String]) {
    console.print(tables, as: format)
    for remark in remarks { console.progress(remark) }
  }
}

extension OutputFolder {
  /// Writes every file of a result, each whole or not at all.
  package func write(_ result: some Presentable) throws {
    try result.writeFiles { file in
      for (name, text) in file.contents { try Self.write(text, to: self.file(name)) }
    }
  }

  /// The folder of `--out`; nil where none was asked for.
  package static func asked(_ options: OutputOptions, command: String) throws -> OutputFolder? {
    options.out == nil ? nil : try OutputFolder(options, command: command)
  }
}
