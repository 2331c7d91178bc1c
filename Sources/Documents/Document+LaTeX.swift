import Charts
import Text

extension Document {
  /// The document as a LaTeX file that is typeset from its own folder: tables by `\input`, figures by `\includegraphics`.
  ///
  /// Figures are SVG, which LaTeX does not read: the file begins with the command that makes them PDF.
  public func latex() -> String {
    let words = { (text: String) in LaTeXText.escaped(text) }
    var parts = [
      Self.preamble, "\\title{\(words(title))}\n\\author{\(words(program))}\n\\date{}",
      "\\begin{document}\n\\maketitle",
    ]
    parts += lead.map(words)
    parts.append("\\section*{\(Self.findingsTitle)}")
    parts.append(
      Self.list(
        "description",
        findings.map { "[\($0.level.title)] \\textbf{\(words($0.subject)):} \(words($0.text))" }))
    for section in sections {
      parts.append("\\section{\(words(section.title))}\\label{sec:\(section.id)}")
      parts += section.blocks.map(Self.latex)
    }
    parts.append("\\end{document}")
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// Rows of a table that fit on a page in a size that can be read; longer ones stay in their CSV.
  private static let mostRows = 45

  private static let preamble = """
    % Typeset with pdflatex, lualatex or xelatex from this folder, after the figures were made PDF there:
    %   for f in figures/*.svg; do rsvg-convert -f pdf -o "${f%.svg}.pdf" "$f"; done
    % (librsvg; Inkscape does it too: inkscape --export-type=pdf figures/*.svg)
    \\documentclass[a4paper,10pt]{article}
    \\usepackage{iftex}
    \\ifPDFTeX\\usepackage[utf8]{inputenc}\\usepackage[T1]{fontenc}\\fi
    \\usepackage[margin=13mm]{geometry}
    \\usepackage{booktabs}
    \\usepackage{graphicx}
    \\usepackage{float}
    \\usepackage[export]{adjustbox}
    \\usepackage{etoolbox}
    \\floatplacement{table}{H}
    \\floatplacement{figure}{H}
    % A table that is too wide is made smaller.
    \\BeforeBeginEnvironment{tabular}{\\begin{adjustbox}{max width=\\linewidth, max totalheight=0.8\\textheight}}
    \\AfterEndEnvironment{tabular}{\\end{adjustbox}}
    """

  private static func latex(_ block: Block) -> String {
    switch block {
    case .text(let words): return LaTeXText.escaped(words)
    case .heading(let words): return "\\subsection*{\(LaTeXText.escaped(words))}"
    case .absence(let reason): return "\\emph{Not shown: \(LaTeXText.escaped(reason))}"
    case .command(let line): return "\\begin{flushleft}\\ttfamily \(code(line))\\end{flushleft}"
    case .terms(let terms):
      return list(
        "description", terms.map { "[\(LaTeXText.escaped($0.name))] \(LaTeXText.escaped($0.meaning))" })
    case .table(let part):
      guard part.table.rows.count <= mostRows else {
        return "\\emph{\(LaTeXText.escaped(part.table.title)): \(part.table.rows.count) rows, in "
          + "\\texttt{\(LaTeXText.escaped(part.path("csv")))}.}"
      }
      return "\\input{tables/\(part.name)}"
    case .figure(let part):
      return """
        \\begin{figure}
          \\centering
          \\includegraphics[max width=\\linewidth, max totalheight=0.85\\textheight]{figures/\(part.name)}
          \\caption{\(LaTeXText.escaped(part.caption))}\\label{fig:\(part.name)}
        \\end{figure}
        """
    }
  }

  /// Hyphens and quotes as they are typed, not as they are typeset.
  private static func code(_ text: String) -> String {
    let plain: [Character: String] = ["-": "-{}", "'": "\\textquotesingle{}", "`": "\\textasciigrave{}"]
    return text.map { plain[$0] ?? LaTeXText.escaped(String($0)) }.joined()
  }

  private static func list(_ kind: String, _ items: [String]) -> String {
    "\\begin{\(kind)}\n" + items.map { "\\item\($0)\n" }.joined() + "\\end{\(kind)}"
  }
}
