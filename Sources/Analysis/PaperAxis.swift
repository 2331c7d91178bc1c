import Charts
import RealModule
import Text

/// How a panel of the paper's numbers has to be read beside one of ours that is equally high: `3.1` where a factor of 10, or a unit of a
/// linear axis, is 3.1 times as high there; nil where either shows nothing, or both show equally much.
func heightRatio(of paper: Extent?, to own: Extent?, in kind: Scale.Kind) -> String? {
  func length(_ extent: Extent?) -> Double {
    guard let extent else { return .nan }
    return kind == .linear
      ? extent.upper - extent.lower : Double.log10(extent.upper) - Double.log10(extent.lower)
  }
  let ratio = length(own) / length(paper)
  guard ratio.isFinite, ratio > 0 else { return nil }
  let text = NumberText.significant(ratio, digits: 2)
  return text == "1.0" ? nil : text
}
