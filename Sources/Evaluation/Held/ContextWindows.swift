/// Which tokens a model sees when it is asked for the next one: windows over a text, in blocks or overlapping.
///
/// A window is `context` tokens at most, each asked for the token after it. Blocks follow each other, so that a block's first token is asked
/// with one token of context. With a stride below the context, windows overlap, and of each only the targets count that no earlier window
/// has had: then each has at least `context - stride` tokens of context, those of the first window aside (Baevski & Auli 2019, section 4.1).
public struct ContextWindows: Equatable, Sendable {
  /// One window.
  struct Window: Equatable {
    /// The first token that is read.
    var start: Int
    /// Tokens that are read.
    var count: Int
    /// The first position in the window whose target counts.
    var firstCounted: Int
  }

  /// Tokens that a window reads at most.
  public let context: Int
  /// Tokens from one window's start to the next one's.
  public let stride: Int

  /// Creates windows.
  /// - Precondition: the stride is positive and not above the context, else tokens would be left out.
  public init(context: Int, stride: Int) {
    precondition(stride > 0 && stride <= context, "a stride of \(stride) in windows of \(context)")
    self.context = context
    self.stride = stride
  }

  /// Whether windows follow each other without overlap.
  public var areBlocks: Bool { stride == context }

  /// The windows over the tokens of a range; all of them but the first are asked for, once.
  func windows(over range: Range<Int>) -> [Window] {
    var windows: [Window] = []
    var (start, asked) = (range.lowerBound, range.lowerBound)
    while asked < range.upperBound - 1 {
      let count = min(context, range.upperBound - 1 - start)
      windows.append(Window(start: start, count: count, firstCounted: asked - start))
      asked = start + count
      start += stride
    }
    return windows
  }
}
