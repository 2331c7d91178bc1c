/// The look of a document's page: on screens of any width, light and dark, and on paper.
enum DocumentStyle {
  static let css = screen + "\n" + wide + "\n" + dark + "\n" + paper

  private static let screen = """
    :root {
      --back: #ffffff; --text: #1b1b1b; --soft: #555555; --line: #cfd3d7; --shade: #f4f6f8; --link: #0b57a4;
      --problem: #a61b1b; --caution: #7a4d00; --note: #2f5573;
    }
    * { box-sizing: border-box; }
    html { color-scheme: light dark; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
    body {
      margin: 0 auto; padding: 1.5rem clamp(0.9rem, 3vw, 2rem) 3rem; max-width: 72rem; background: var(--back);
      color: var(--text); font: 1rem/1.5 system-ui, "Helvetica Neue", Arial, "Liberation Sans", sans-serif;
      overflow-wrap: break-word;
    }
    main { min-width: 0; }
    h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 0.6rem; }
    h2 { font-size: 1.3rem; line-height: 1.25; margin: 2.6rem 0 0.7rem; padding-bottom: 0.25rem;
      border-bottom: 1px solid var(--line); }
    h3 { font-size: 1.05rem; margin: 1.8rem 0 0.5rem; }
    p, li, dd { max-width: 46rem; }
    a { color: var(--link); }
    .skip { position: absolute; left: -999rem; }
    .skip:focus { left: 1rem; top: 0.5rem; }
    nav { font-size: 0.95rem; margin-top: 1.5rem; }
    nav p { font-weight: 700; margin: 0 0 0.3rem; }
    nav ul { list-style: none; margin: 0 0 1.5rem; padding: 0; columns: 11rem auto; }
    nav li { padding: 0.1rem 0; break-inside: avoid; }
    .findings ul { list-style: none; padding: 0; margin: 0; }
    .findings li { border-left: 0.25rem solid var(--note); background: var(--shade); max-width: none;
      padding: 0.4rem 0.8rem; margin: 0.45rem 0; }
    .findings li.problem { border-color: var(--problem); }
    .findings li.caution { border-color: var(--caution); }
    .level { color: var(--note); font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.04em;
      margin-right: 0.3rem; }
    .problem .level { color: var(--problem); }
    .caution .level { color: var(--caution); }
    .absent { color: var(--soft); font-style: italic; }
    .part { margin: 1.2rem 0 0.3rem; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; border-top: 2px solid var(--text); border-bottom: 2px solid var(--text);
      font-size: 0.88rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
    caption { text-align: left; padding: 0 0 0.4rem; }
    caption span { position: sticky; left: 0; display: inline-block; max-width: min(100%, calc(100vw - 2.5rem)); }
    th, td { text-align: left; vertical-align: baseline; padding: 0.28rem 0.7rem 0.28rem 0; }
    th:last-child, td:last-child { padding-right: 0.2rem; }
    thead th { border-bottom: 1px solid var(--text); vertical-align: bottom; }
    tbody th { font-weight: normal; }
    tbody tr + tr > * { border-top: 1px solid var(--line); }
    .number { text-align: right; white-space: nowrap; }
    .interval { color: var(--soft); }
    .notes { margin: 0.5rem 0 0; padding-left: 1.1rem; font-size: 0.83rem; line-height: 1.4; color: var(--soft); }
    .notes li { max-width: 52rem; }
    .files { margin: 0.3rem 0 1.4rem; font-size: 0.83rem; }
    .files a { margin-right: 0.6rem; }
    details { margin: 1rem 0; border-left: 2px solid var(--line); padding-left: 0.8rem; }
    summary { cursor: pointer; }
    figure { margin: 1.4rem 0; }
    .card { background: #ffffff; border: 1px solid var(--line); border-radius: 4px; padding: 0.5rem;
      overflow-x: auto; }
    .card svg { display: block; width: 100%; height: auto; }
    figure.page .card svg { min-width: 38rem; }
    figure.column .card { max-width: 34rem; }
    figcaption { margin-top: 0.5rem; font-size: 0.92rem; max-width: 52rem; }
    figure .files { margin-bottom: 0; }
    dl { margin: 0; }
    dt { font-weight: 600; margin-top: 0.7rem; }
    dd { margin: 0.1rem 0 0; }
    pre { background: var(--shade); padding: 0.7rem 0.9rem; border-radius: 4px; white-space: pre-wrap;
      overflow-wrap: anywhere; font-size: 0.88rem; }
    footer { margin-top: 3rem; color: var(--soft); font-size: 0.88rem; }
    """

  /// The contents stand beside the text where there is room.
  private static let wide = """
    @media screen and (min-width: 80rem) {
      body { max-width: 90rem; display: grid; grid-template-columns: 14rem minmax(0, 1fr); column-gap: 2.5rem; }
      nav { grid-column: 1; grid-row: 1 / span 3; margin: 0; position: sticky; top: 1.5rem; align-self: start; max-height: calc(100vh - 3rem);
        overflow-y: auto; }
      nav ul { columns: auto; }
      nav li { padding: 0.2rem 0; }
      header, main, footer { grid-column: 2; }
    }
    """

  /// Figures stay black on white.
  private static let dark = """
    @media screen and (prefers-color-scheme: dark) {
      :root { --back: #16181b; --text: #e6e7e9; --soft: #b3b8be; --line: #42474d; --shade: #212429; --link: #8cc4ff;
        --problem: #ff9b8f; --caution: #f0c060; --note: #a3c6e6; }
    }
    """

  /// Figures in their own size; what is folded on a screen is open.
  private static let paper = """
    @page { margin: 15mm 13mm 16mm; @bottom-center { content: counter(page); font: 8pt sans-serif; } }
    @media print {
      html { color-scheme: light; font-size: 9.5pt; }
      body { max-width: none; padding: 0; line-height: 1.4; }
      .skip, .files { display: none; }
      nav ul { columns: 2; }
      a { color: inherit; text-decoration: none; }
      h1 { font-size: 16pt; }
      h2 { font-size: 12.5pt; margin-top: 7mm; }
      h3 { font-size: 10.5pt; }
      h1, h2, h3, summary { break-after: avoid; }
      p, li { orphans: 3; widows: 3; }
      p, li, dd, figcaption, .notes li { max-width: none; }
      .findings li, figure, dt, dd { break-inside: avoid; }
      dt { break-after: avoid; }
      .findings li { background: none; }
      .scroll, .card { overflow: visible; }
      .card { border: 0; padding: 0; }
      figure.page .card svg, figure.column .card svg { min-width: 0; width: auto; max-width: 100%; max-height: 225mm; }
      table { font-size: 7.5pt; }
      thead { display: table-header-group; }
      tr { break-inside: avoid; }
      tbody tr:first-child, tbody tr:nth-child(2) { break-before: avoid; }
      th, td { padding: 0.7mm 2mm 0.7mm 0; }
      .short { break-inside: avoid; }
      caption { break-after: avoid; }
      caption span { position: static; max-width: none; }
      .interval { white-space: nowrap; }
      td.number, th.number { white-space: normal; }
      .notes { font-size: 7.5pt; }
      details { border: 0; padding: 0; }
      details > summary { display: none; }
      footer { margin-top: 4mm; }
      details::details-content { content-visibility: visible; display: block; block-size: auto; overflow: visible; }
    }
    """
}
