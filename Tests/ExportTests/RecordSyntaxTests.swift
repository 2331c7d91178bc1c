import Testing

@testable import Export

@Suite struct RecordSyntaxTests {
  private func line(_ syntax: RecordSyntax, _ subject: RecordSyntax.Subject, _ value: Double) -> String {
    var text = syntax.head(run: "0a", step: 7) + syntax.middle(subject)
    syntax.append(value, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  private let tensor = RecordSyntax.Subject(layer: 3, tensor: "fc2.weight", statistic: "gradient_l1")
  private let loss = RecordSyntax.Subject(statistic: "loss")
  private let scale = RecordSyntax.Subject(layer: 0, element: 12, statistic: "scale_c_attn")

  @Test func commaSeparated() {
    let plain = RecordSyntax.csv(hasElements: false)
    #expect(String(decoding: plain.header, as: UTF8.self) == "run,step,layer,tensor,statistic,value\n")
    #expect(line(plain, tensor, 0.1) == "0a,7,3,fc2.weight,gradient_l1,0.1\n")
    #expect(line(plain, loss, .infinity) == "0a,7,,,loss,inf\n")
    let full = RecordSyntax.csv(hasElements: true)
    #expect(String(decoding: full.header, as: UTF8.self) == "run,step,layer,tensor,element,statistic,value\n")
    #expect(line(full, scale, 1) == "0a,7,0,,12,scale_c_attn,1.0\n")
  }

  @Test func jsonLines() {
    #expect(
      line(.jsonLines, tensor, 1e-7)
        == #"{"run":"0a","step":7,"layer":3,"tensor":"fc2.weight","statistic":"gradient_l1","value":1e-07}"#
        + "\n")
    #expect(
      line(.jsonLines, loss, -.infinity) == #"{"run":"0a","step":7,"statistic":"loss","value":"-inf"}"# + "\n"
    )
    #expect(line(.jsonLines, scale, 1).contains(#""layer":0,"element":12,"#))
  }

  @Test func namesThatNeedQuotes() {
    let strange = RecordSyntax.Subject(tensor: "a,\"b\"\n", statistic: "loss")
    #expect(line(.csv(hasElements: false), strange, 1) == "0a,7,,\"a,\"\"b\"\"\n\",loss,1.0\n")
    #expect(line(.jsonLines, strange, 1).contains(#""tensor":"a,\"b\"\n""#))
  }

  @Test func numbersKeepTheirDigitsAndTheirType() {
    var text: [UInt8] = []
    let syntax = RecordSyntax.csv(hasElements: false)
    syntax.append(Float(0.1), to: &text)
    syntax.append(12, isInteger: true, to: &text)
    // The sign of what is not a number means nothing.
    syntax.append(-Double.nan, to: &text)
    #expect(String(decoding: text, as: UTF8.self) == "0.1\n12\nnan\n")
  }
}
