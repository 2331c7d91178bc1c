import Analysis
import ArgumentParser

// Options that are texts of their own small languages.

extension LayerSelection {
  /// The value of `--layers-shown`.
  package static func parsed(_ text: String) throws -> LayerSelection {
    do { return try LayerSelection(parsing: text) } catch {
      throw ValidationError("--layers-shown: \(error)")
    }
  }
}

extension StepWindow {
  /// The value of `--window`; nil where it was not given.
  package static func parsed(_ text: String?) throws -> StepWindow? {
    do { return try text.map { text throws(AnalysisError) in try StepWindow(parsing: text) } } catch {
      throw ValidationError("--window: \(error)")
    }
  }
}

extension [AlertRule] {
  /// The value of `--alerts`; none where it was not given.
  package static func parsed(_ text: String?) throws -> [AlertRule] {
    do { return try text.map { text throws(AlertRuleError) in try AlertRule.rules(text) } ?? [] } catch {
      throw ValidationError("--alerts: \(error)")
    }
  }
}

extension FindingThresholds {
  /// The value of `--thresholds`; the usual ones where it was not given.
  package static func parsed(_ text: String?) throws -> FindingThresholds {
    do {
      return try text.map { text throws(AnalysisError) in try FindingThresholds(parsing: text) } ?? .usual
    } catch {
      throw ValidationError("--thresholds: \(error)")
    }
  }
}
