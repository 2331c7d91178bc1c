import Analysis

/// Why run files could not be read.
public enum RunReadingError: Error, Equatable {
  /// What is wrong, where, and what to do.
  case failed(String)
  /// The process that read them has said itself what is wrong, and ended with this status.
  case ended(Int32)
  /// The operation that was asked for is none of the runs', or several.
  case operation(AnalysisError)
}
