import Analysis
import FileAccess
import Foundation
import RunData
import Statistics
import Training

/// A sweep, decided in full before its first run and kept in its folder, so that it can go on and be read later.
package struct SweepPlan: Codable {
  /// One combination.
  package struct Cell: Codable {
    /// The value of each axis.
    package let values: [String]
    /// Its settings, without seed and steps, as the plan's file keeps them.
    private let words: [String]
    /// Updates that each of its runs makes.
    var steps: Int
    let operationsPerStep: Double
    /// Seconds of a step, timed in turn with the other cells'; nil where the budget is not one of time.
    var secondsPerStep: Double?
    /// Nil in plans of before it was kept.
    var memoryBytes: Double?

    init(
      values: [String], settings: [Setting], steps: Int, operationsPerStep: Double, memoryBytes: Double?
    ) {
      self.values = values
      words = settings.map(\.word)
      self.steps = steps
      self.operationsPerStep = operationsPerStep
      self.memoryBytes = memoryBytes
    }

    /// Its settings, without seed and steps.
    var settings: [Setting] { words.compactMap { Setting(word: $0) } }

    /// Whether each of its words is a setting.
    var isReadable: Bool { settings.count == words.count }

    /// Whether its settings are these, to the letter.
    func has(_ settings: [Setting]) -> Bool { settings.map(\.word) == words }
  }

  let title: String
  let axes: [String]
  let budget: SweepBudget
  /// Those of every cell, and where seeds are added until claims are decided, those of any.
  package private(set) var seeds: [UInt64]
  /// Of ``seeds``, those that every cell gets, where others are added until claims are decided; nil in plans of which the number of seeds
  /// was decided beforehand.
  private var wholeSeedCount: Int?
  let baseline: Int?
  let chosenAxis: Int?
  package internal(set) var cells: [Cell]
  package let threads: Int
  let program: String
  /// What makes its runs, where that is not this program.
  private var commandText: String?
  /// Validations, the last ones, of which a run's final loss is the mean; nil in plans of before it was kept.
  private let averagedValidations: Int?
  var command: CommandTemplate? { commandText.flatMap { CommandTemplate($0) } }

  private static let fileName = "plan.json"

  /// Where a folder has its plan.
  static func path(in folder: String) -> String { "\(folder)/\(fileName)" }

  /// Whether a path is the folder of a sweep.
  package static func exists(in folder: String) -> Bool {
    FileManager.default.fileExists(atPath: path(in: folder))
  }

  /// Reads the plan of a sweep's folder.
  package init(folder: String) throws {
    let path = Self.path(in: folder)
    let bytes: [UInt8]
    do {
      let file = try RandomAccessFile(path: path)
      bytes = try file.bytes(at: 0, count: min(file.byteCount, 16 << 20))
    } catch {
      throw ExperimentError.refused(
        "\(folder) is not the folder of a sweep: its \(Self.fileName) cannot be read (\(error))")
    }
    do { self = try JSONDecoder().decode(SweepPlan.self, from: Data(bytes)) } catch {
      throw ExperimentError.failed("\(path) is damaged; the runs beside it can still be read one by one")
    }
    let axisCount = axes.count
    guard !cells.isEmpty, axisCount > 0, cells.allSatisfy({ $0.values.count == axisCount && $0.isReadable }),
      [baseline ?? 0].allSatisfy(cells.indices.contains), [chosenAxis ?? 0].allSatisfy(axes.indices.contains)
    else {
      throw ExperimentError.failed(
        "\(path) contradicts itself; the runs beside it can still be read one by one")
    }
  }

  /// Decides a sweep; its cells still have the baseline's steps.
  init(_ file: SweepFile, budget: SweepBudget, seeds: [UInt64], threads: Int, plans: [PlannedRun]) {
    title = file.title
    axes = file.axes.map(\.name)
    self.budget = budget
    self.seeds = seeds
    self.threads = threads
    program = "nf-probe \(ProgramVersion.text)"
    averagedValidations = file.averagedValidations
    let combinations = file.combinations
    cells = zip(combinations, plans).map { combination, plan in
      Cell(
        values: combination.values, settings: combination.settings.map(SettingPaths.absolute),
        steps: plan.training.stepCount, operationsPerStep: plan.operationsPerStep,
        memoryBytes: plan.memoryBytes)
    }
    chosenAxis = file.choose.flatMap { name in file.axes.firstIndex { $0.name == name } }
    baseline =
      file.baseline.isEmpty
      ? nil
      : combinations.firstIndex { combination in
        zip(file.axes, combination.values).allSatisfy { axis, value in
          file.baseline[axis.name].map { $0 == value } ?? true
        }
      }
  }

  /// Decides a sweep of commands, whose runs nobody has to plan.
  init(_ file: SweepFile, command: CommandTemplate, seeds: [UInt64], threads: Int) {
    self.init(file, budget: .steps, seeds: seeds, threads: threads, plans: [])
    commandText = command.text
    cells = file.combinations.map { combination in
      Cell(
        values: combination.values, settings: combination.settings, steps: 0, operationsPerStep: 0,
        memoryBytes: nil)
    }
  }

  /// The command of a run.
  func command(_ command: CommandTemplate, cell index: Int, seed: UInt64, path: String) -> String {
    var values = Dictionary(zip(axes, cells[index].values)) { first, _ in first }
    for setting in cells[index].settings {
      // An axis of one option has the option's name, and stands for its value.
      if case .text(let text) = setting.value { values[setting.name] = text }
    }
    values[CommandTemplate.seed] = "\(seed)"
    values[CommandTemplate.run] = path
    return command.filled(values)
  }

  /// Whether it was made from this file, or one that says the same of its cells.
  package func isOf(_ file: SweepFile) -> Bool {
    let combinations = file.combinations
    guard command?.text == file.command?.text, averagedValidations ?? 1 == file.averagedValidations else {
      return false
    }
    let isOfCommands = file.command != nil
    return axes == file.axes.map(\.name) && combinations.map(\.values) == cells.map(\.values)
      && zip(combinations, cells).allSatisfy {
        $1.has(isOfCommands ? $0.settings : $0.settings.map(SettingPaths.absolute))
      }
  }

  /// Gives every cell as much of the budget as the baseline (without one, the first cell) has in its steps.
  ///
  /// - Parameter seconds: the training time of every run; nil for the baseline's.
  mutating func allot(seconds: Double? = nil) throws {
    let reference = cells[baseline ?? 0]
    for index in cells.indices {
      let exact: Double
      switch budget {
      case .steps: continue
      case .flops:
        exact = Double(reference.steps) * reference.operationsPerStep / cells[index].operationsPerStep
      case .seconds:
        guard let own = cells[index].secondsPerStep, let base = reference.secondsPerStep, own > 0 else {
          throw ExperimentError.failed(
            "no step of \(cells[index].values.joined(separator: ", ")) could be timed")
        }
        exact = (seconds ?? Double(reference.steps) * base) / own
      }
      guard exact >= 1, exact < 1e12 else {
        throw ExperimentError.refused(
          "the budget is no step of \(cells[index].values.joined(separator: ", ")); give more steps or seconds"
        )
      }
      cells[index].steps = Int(exact.rounded())
    }
  }

  // MARK: - Seeds that are added

  /// How intervals over its seeds are found.
  package var intervals: IntervalRule { wholeSeedCount == nil ? .fixed : .anytime }

  /// The seeds that every cell gets.
  package var wholeSeeds: [UInt64] { Array(seeds.prefix(wholeSeedCount ?? seeds.count)) }

  /// From here on seeds are added to some cells until claims are decided, and intervals have to hold at every look.
  package mutating func beginAdding() { wholeSeedCount = wholeSeedCount ?? seeds.count }

  /// Some cells get one more seed.
  package mutating func add(seed: UInt64) {
    if !seeds.contains(seed) { seeds.append(seed) }
  }

  /// Writes the plan into its folder.
  package func write(into folder: String) throws {
    try AtomicFileWriter.write(text(), to: Self.path(in: folder))
  }

  /// Writes it where the folder has no plan yet; whether it had none.
  func begin(in folder: String) throws -> Bool {
    var file = try AtomicFileWriter(path: Self.path(in: folder))
    try file.append(Array(try text().utf8))
    do { try file.commit(replacing: false) } catch {
      guard error.reason == .exists else { throw error }
      return false
    }
    return true
  }

  private func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }

  /// The name of a run's file: the cell's number, its values and the seed.
  package func fileName(cell: Int, seed: UInt64) -> String {
    let digits = String(cells.count - 1).count
    let number = String(repeating: "0", count: digits - String(cell).count) + String(cell)
    let words = cells[cell].values.joined(separator: "-").lowercased().map { character in
      character.isASCII && (character.isLetter || character.isNumber || character == ".") ? character : "-"
    }
    let slug = String(words).split(separator: "-").joined(separator: "-").prefix(60)
    return "\(number)-\(slug)-seed\(seed).h5"
  }

  /// The report on what its folder holds.
  ///
  /// - Parameter read: reads a run file; nil where there is none yet.
  package func report(in folder: String, read: (String) throws -> RecordedRun?) throws -> SweepReport {
    let report = try cells.indices.map { index in
      let cell = cells[index]
      let runs = try seeds.compactMap { seed -> RecordedRun? in
        let path = "\(folder)/\(fileName(cell: index, seed: seed))"
        guard command != nil else { return try read(path) }
        // Commands may leave anything there; what is no run of theirs was told when it was made.
        guard let run = try? read(path), run.manifest.seed == seed else { return nil }
        return run
      }
      // A command's steps are its own: as many as the longest of its runs.
      let steps = command == nil ? cell.steps : runs.compactMap(\.updates).max() ?? 0
      return SweepCell(
        values: cell.values, runs: runs, plannedSteps: steps, operationsPerStep: cell.operationsPerStep,
        timedSecondsPerStep: cell.secondsPerStep, memoryBytes: cell.memoryBytes,
        averagedValidations: averagedValidations ?? 1)
    }
    return SweepReport(
      title: title, axes: axes, cells: report, budget: budget, seeds: wholeSeeds, baseline: baseline,
      chosenAxis: chosenAxis, intervals: intervals)
  }
}

extension RecordedRun {
  /// Updates that it has made.
  fileprivate var updates: Int? { steps.last.map { $0 + 1 } }
}
