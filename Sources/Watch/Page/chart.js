// The picture: drawn by the server as it stands on paper; here it answers pointer and keyboard.

let picture = null;
let cursor = null;

/** Shows a figure of the server. */
function showFigure(figure, title) {
  picture = figure;
  const drawing = new DOMParser().parseFromString(figure.svg, "text/html").body.firstElementChild;
  const svg = document.importNode(drawing, true);
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  svg.setAttribute("aria-hidden", "true");
  // The caption says it; a tooltip over the whole picture would be in the way.
  svg.querySelector("title")?.remove();
  const layer = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  layer.setAttribute("viewBox", `0 0 ${figure.width} ${figure.height}`);
  layer.setAttribute("class", "layer");
  layer.setAttribute("aria-hidden", "true");
  const chart = find("chart");
  chart.replaceChildren(svg, layer);
  chart.setAttribute("aria-label", title + ". Arrow keys read values; shift and arrow keys choose a window.");
  drawCursor();
}

function mark(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  return element;
}

/** A place of the screen in the figure's points. */
function placeOf(event) {
  const box = find("chart").querySelector("svg").getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * picture.width,
    y: ((event.clientY - box.top) / box.height) * picture.height,
  };
}

function panelAt(place) {
  return picture.panels.findIndex(({ area: [x, y, width, height] }) =>
    place.x >= x - 4 && place.x <= x + width + 4 && place.y >= y - 4 && place.y <= y + height + 4);
}

const fraction = (axis, value) => axis.isLogarithmic
  ? Math.log(value / axis.lower) / Math.log(axis.upper / axis.lower)
  : (value - axis.lower) / (axis.upper - axis.lower);
const number = (axis, share) => axis.isLogarithmic
  ? axis.lower * Math.pow(axis.upper / axis.lower, share)
  : axis.lower + share * (axis.upper - axis.lower);
const xOf = (panel, value) => panel.area[0] + fraction(panel.x, value) * panel.area[2];
const yOf = (panel, value) => panel.area[1] + (1 - fraction(panel.y, value)) * panel.area[3];
const valueAt = (panel, x) => number(panel.x, Math.max(0, Math.min(1, (x - panel.area[0]) / panel.area[2])));

/** The position of the number nearest to `value` in ascending numbers. */
function nearest(numbers, value) {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < value) low = middle + 1; else high = middle;
  }
  return low > 0 && value - numbers[low - 1] < numbers[low] - value ? low - 1 : low;
}

/** What the lines of a panel say at a place of its horizontal axis. */
function readingAt(panel, x) {
  const lines = panel.series.filter((series) => series.isMain && series.x.length && !series.upper.length);
  const raw = new Map(panel.series.filter((s) => s.name.endsWith(", each step")).map((s) => [s.name.slice(0, -", each step".length), s]));
  return lines.map((series) => {
    const place = nearest(series.x, x);
    const own = raw.get(series.name);
    const step = own?.x.length ? nearest(own.x, x) : null;
    return {
      name: series.name, x: own && step != null ? own.x[step] : series.x[place],
      mean: series.y[place], value: own && step != null ? own.y[step] : series.y[place],
    };
  });
}

/** The cell of a heat map at a place; null where there is none. */
function cellAt(panel, x, row) {
  const cells = panel.series.find((series) => series.isCells);
  if (!cells) return null;
  let best = null;
  for (let i = 0; i < cells.x.length; i += 1) {
    if (cells.y[i] !== row) continue;
    if (best == null || Math.abs(cells.x[i] - x) < Math.abs(cells.x[best] - x)) best = i;
  }
  return best == null ? null : { x: cells.x[best], row, value: cells.upper[best] };
}

const isMap = (panel) => panel.series.some((series) => series.isCells);
const rowAt = (panel, y) => Math.max(0, Math.min(panel.categories.length - 1, Math.round(panel.y.lower + (1 - (y - panel.area[1]) / panel.area[3]) * (panel.y.upper - panel.y.lower))));

/** The step at a place of the horizontal axis, whatever that counts. */
function stepAt(panel, x) {
  if (!panel.places.length) return x;
  return between(panel.places, panel.steps, x);
}

/** The place of a step. */
function placeAt(panel, step) {
  return panel.places.length ? between(panel.steps, panel.places, step) : step;
}

function between(from, to, value) {
  const right = Math.max(1, Math.min(from.length - 1, from.findIndex((x) => x >= value)));
  if (from.length < 2) return to[0];
  const index = value > from[from.length - 1] ? from.length - 1 : right;
  const share = (value - from[index - 1]) / (from[index] - from[index - 1] || 1);
  return to[index - 1] + share * (to[index] - to[index - 1]);
}

function drawCursor() {
  const layer = find("chart").querySelector(".layer");
  if (!layer || !picture) return;
  const marks = [];
  if (brush) {
    const panel = picture.panels[brush.panel];
    const [from, to] = [stepAt(panel, brush.from), stepAt(panel, brush.to)].sort((a, b) => a - b);
    for (const each of picture.panels) {
      const [left, right] = [xOf(each, placeAt(each, from)), xOf(each, placeAt(each, to))];
      marks.push(mark("rect", { x: left, y: each.area[1], width: Math.max(0.5, right - left), height: each.area[3], class: "brush" }));
    }
  }
  const panel = cursor && picture.panels[cursor.panel];
  if (panel && isMap(panel)) {
    const cell = cellAt(panel, cursor.x, cursor.row ?? 0);
    if (cell) marks.push(mark("circle", { cx: xOf(panel, cell.x), cy: yOf(panel, cell.row), r: 4, class: "dot" }));
    find("reading").textContent = cell ? cellText(panel, cell) : "";
  } else if (panel?.hasSteps) {
    const x = xOf(panel, cursor.x);
    marks.push(mark("line", { x1: x, x2: x, y1: panel.area[1], y2: panel.area[1] + panel.area[3], class: "cursor" }));
    for (const line of readingAt(panel, cursor.x)) {
      if (line.mean == null || (panel.y.isLogarithmic && line.mean <= 0)) continue;
      marks.push(mark("circle", { cx: x, cy: yOf(panel, line.mean), r: 2.6, class: "dot" }));
    }
    find("reading").textContent = readingText(panel);
  } else {
    find("reading").textContent = "";
  }
  layer.replaceChildren(...marks);
}

function readingText(panel) {
  const lines = readingAt(panel, cursor.x);
  if (!lines.length) return "";
  const values = lines.map((line) => `${layerName(line.name)}: ${digits(line.value)}`).join(", ");
  return `${panel.name}, step ${Math.round(stepAt(panel, lines[0].x))}. ${values}`;
}

function cellText(panel, cell) {
  const where = panel.hasSteps ? `layer ${panel.categories[cell.row]}, steps around ${Math.round(cell.x)}` : `${panel.categories[cell.row]}, layer ${Math.round(cell.x)}`;
  return `${panel.name}, ${where}: ${digits(cell.value)}`;
}

const layerName = (name) => (/^\d+$/.test(name) ? `layer ${name}` : name);

let brush = null;

function startChart() {
  const chart = find("chart");
  chart.addEventListener("pointermove", (event) => {
    if (!picture) return;
    const place = placeOf(event);
    if (brush?.isDragged) {
      brush.to = valueAt(picture.panels[brush.panel], place.x);
    } else {
      const panel = panelAt(place);
      cursor = panel < 0 ? null : { panel, x: valueAt(picture.panels[panel], place.x), row: rowAt(picture.panels[panel], place.y) };
    }
    requestAnimationFrame(drawCursor);
  });
  chart.addEventListener("pointerleave", () => {
    if (brush?.isDragged) return;
    cursor = null;
    drawCursor();
  });
  chart.addEventListener("pointerdown", (event) => {
    if (!picture || event.button !== 0) return;
    const panel = panelAt(placeOf(event));
    if (panel < 0 || !picture.panels[panel].hasSteps) return;
    const from = valueAt(picture.panels[panel], placeOf(event).x);
    brush = { panel, from, to: from, isDragged: true };
    // A finger that goes up or down scrolls; one that goes sideways chooses.
    if (event.pointerType === "mouse") chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointerup", () => endBrush());
  chart.addEventListener("pointercancel", () => { brush = null; drawCursor(); });
  chart.addEventListener("dblclick", () => choose({ window: "" }));
  chart.addEventListener("keydown", keyOnChart);
  chart.addEventListener("blur", () => { cursor = null; brush = null; drawCursor(); });
}

function endBrush() {
  if (!brush?.isDragged) return;
  const panel = picture.panels[brush.panel];
  const [from, to] = [brush.from, brush.to].map((x) => Math.round(stepAt(panel, x))).sort((a, b) => a - b);
  const isWide = Math.abs(xOf(panel, brush.from) - xOf(panel, brush.to)) > 3;
  brush = null;
  drawCursor();
  if (isWide && to > from) choose({ window: `${Math.max(0, from)}:${to + 1}` });
}

function keyOnChart(event) {
  if (!picture?.panels.length) return;
  const panel = cursor?.panel ?? 0;
  const axis = picture.panels[panel].x;
  const rows = picture.panels[panel].categories.length;
  const isCells = isMap(picture.panels[panel]);
  const jump = isCells && !picture.panels[panel].hasSteps ? 1 : (axis.upper - axis.lower) / (event.ctrlKey ? 10 : 100);
  const row = cursor?.row ?? 0;
  const start = cursor?.x ?? axis.lower + (axis.upper - axis.lower) / 2;
  const moves = { ArrowLeft: -jump, ArrowRight: jump };
  if (event.key in moves) {
    const x = Math.max(axis.lower, Math.min(axis.upper, start + moves[event.key]));
    if (event.shiftKey && picture.panels[panel].hasSteps) brush = { panel, from: brush?.from ?? start, to: x };
    else brush = null;
    cursor = { panel, x, row };
  } else if (isCells && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    cursor = { panel, x: start, row: Math.max(0, Math.min(rows - 1, row + (event.key === "ArrowUp" ? 1 : -1))) };
  } else if (event.key === "Enter" && brush) {
    brush.isDragged = true;
    endBrush();
  } else if (event.key === "Escape") {
    brush = null;
    cursor = null;
  } else if (event.key === "PageDown" || event.key === "PageUp") {
    const next = (panel + (event.key === "PageDown" ? 1 : -1) + picture.panels.length) % picture.panels.length;
    cursor = { panel: next, x: start, row };
  } else {
    return;
  }
  event.preventDefault();
  drawCursor();
}
