// The page: choices above, the picture, the table; all of it anew whenever the server has news.

let content = null;
let isAsking = false;
let isStale = false;
let lastCost = 0;
let lastAsked = 0;
let timer = null;

const statistics = [["l1", "L1 norm"], ["l2", "L2 norm"], ["rms", "root mean square"], ["mean", "mean magnitude"]];

function field(label, control) {
  return make("label", { class: "field" }, make("span", {}, label), control);
}

function select(id, options) {
  const element = make("select", { id }, ...options.map(([value, text]) => make("option", { value }, text)));
  element.addEventListener("change", () => choose({ [id.slice(7)]: element.value }));
  return element;
}

function startChoices() {
  const operation = make("input", { id: "choice-op", list: "operations", autocomplete: "off", spellcheck: "false" });
  operation.addEventListener("change", () => choose({ op: operation.value.trim() }));
  const layers = make("input", { id: "choice-layers", list: "layer-words", autocomplete: "off", spellcheck: "false", size: 10 });
  layers.addEventListener("change", () => choose({ layers: layers.value.trim() || "paper" }));
  const from = make("input", { id: "choice-from", type: "number", min: 0, step: 1 });
  const to = make("input", { id: "choice-to", type: "number", min: 0, step: 1 });
  const setWindow = () => {
    const [a, b] = [from.value, to.value].map((text) => (text === "" ? null : Math.max(0, Math.round(Number(text)))));
    if (a == null && b == null) choose({ window: "" });
    else if (a != null && b != null && b < a) find("problem").textContent = "The window ends before it begins.";
    else choose({ window: `${a ?? ""}:${b == null ? "" : b + 1}` });
  };
  from.addEventListener("change", setWindow);
  to.addEventListener("change", setWindow);
  const usualWindow = make("button", { type: "button", id: "usual-window" }, "second half");
  usualWindow.addEventListener("click", () => choose({ window: "" }));
  find("choices").append(
    field("Operation", operation), make("datalist", { id: "operations" }),
    field("Statistic", select("choice-stat", statistics)),
    field("Layers", layers),
    make("datalist", { id: "layer-words" }, make("option", { value: "paper" }), make("option", { value: "all" })),
    field("Axis", select("choice-y", [["log", "logarithmic"], ["linear", "linear"]])),
    make("fieldset", {}, make("legend", {}, "Window of the table, steps"), make("label", {}, "from ", from), make("label", {}, " to ", to), usualWindow),
  );
  find("choices").addEventListener("submit", (event) => event.preventDefault());
}

function showChoices() {
  const put = (id, value) => { if (document.activeElement !== find(id)) find(id).value = value; };
  put("choice-op", state.op || content?.operation || "");
  put("choice-stat", state.stat);
  put("choice-layers", state.layers);
  put("choice-y", state.y);
  const [from, to] = content?.window ?? [];
  const own = state.window ? state.window.split(":") : null;
  put("choice-from", own ? own[0] : from ?? "");
  put("choice-to", own ? (own[1] === "" ? "" : own[1] - 1) : to == null ? "" : to - 1);
  find("usual-window").disabled = !state.window;
}

/** Asks for the view anew: now, or as soon as the last answer is there. */
function refresh() {
  clearTimeout(timer);
  if (isAsking) { isStale = true; return; }
  ask();
}

/** Asks for it anew because of news, but not so often that this machine does nothing else. */
function refreshSoon() {
  if (isAsking) { isStale = true; return; }
  clearTimeout(timer);
  timer = setTimeout(refresh, Math.max(0, lastAsked + Math.max(700, 4 * lastCost) - performance.now()));
}

async function ask() {
  isAsking = true;
  isStale = false;
  lastAsked = performance.now();
  try {
    const width = Math.round(find("figure").clientWidth / 20) * 20;
    const answer = await fetch(address("view", query({ width })));
    const value = await answer.json();
    if (answer.ok) showContent(value);
    else showProblem(value.error);
  } catch {
    // The line at the top says that the server is gone.
  }
  lastCost = performance.now() - lastAsked;
  isAsking = false;
  if (isStale) refreshSoon();
}

function showProblem(text) {
  find("problem").textContent = text;
  find("problem").hidden = false;
}

function showContent(value) {
  content = value;
  find("problem").hidden = true;
  find("view-title").textContent = value.title;
  showFigure(value.figure, value.title);
  for (const panel of picture.panels) panel.isSteps = true;
  const table = new DOMParser().parseFromString(value.table, "text/html").body;
  find("table").replaceChildren(...table.childNodes);
  find("remarks").replaceChildren(...value.remarks.map((text) => make("li", {}, text)));
  find("remarks").hidden = !value.remarks.length;
  const known = find("operations");
  if (known.childElementCount !== value.operations.length) {
    known.replaceChildren(...value.operations.map((name) => make("option", { value: name })));
  }
  find("downloads").hidden = false;
  for (const link of find("downloads").querySelectorAll("a")) link.href = address(link.dataset.file, query());
  document.title = `${value.operation} · nf-probe watch`;
  showChoices();
}

/** Listens to the server's news; says when it is gone, and goes on when it is back. */
function listen() {
  const news = new EventSource(address("events"));
  news.onopen = () => setLink("live", "live");
  news.onmessage = (event) => {
    const before = versions();
    list = JSON.parse(event.data);
    setLink("live", "live");
    showList();
    if (versions() !== before || !content) refreshSoon();
  };
  news.onerror = () => {
    setLink("gone", "The server does not answer; this is what it said last.");
    // A browser gives up on an answer that is no stream; a server that starts anew may give one.
    if (news.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

function versions() {
  const shown = new Set(shownRuns());
  return list.rows.filter((row) => shown.has(row.id)).map((row) => row.id + row.version).join();
}

function setLink(kind, text) {
  const line = find("link");
  if (line.dataset.kind === kind) return;
  line.dataset.kind = kind;
  line.textContent = text;
}

startChoices();
showChoices();
startChart();
listen();
find("filter").addEventListener("input", (event) => { filter = event.target.value; showList(); });
find("skip").addEventListener("click", (event) => { event.preventDefault(); find("view").focus(); });
addEventListener("hashchange", () => { state = readState(); showChoices(); showList(); refresh(); });
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; refreshSoon(); } });
