// The page: choices above, the picture, the table; all of it anew whenever the server has news.

let content = null;
let isAsking = false;
let isStale = false;
// Milliseconds that the last answer took: here, the way to the server included, and there.
let lastCost = 0;
let lastWork = 0;
let lastAsked = -Infinity;
let timer = null;

const pictures = {
  layers: ["Layers over steps", ["op", "stat", "layers", "x", "y", "smooth", "window"]],
  loss: ["Loss", ["x", "y", "smooth", "window"]],
  evaluation: ["Texts and tasks", []],
  map: ["Layer by step", ["op", "stat", "window"]],
  operations: ["Operation by layer", ["stat", "window"]],
  ratio: ["Ratio to a base", ["stat", "base", "layers", "window"]],
  scales: ["Scales", ["layers", "snapshot"]],
};

const options = {
  stat: [
    ["l1", "L1 norm"], ["l2", "L2 norm"], ["rms", "root mean square"], ["mean", "mean magnitude"],
    ["weight-rms", "weights: root mean square"], ["update-rms", "updates: root mean square"],
    ["update/weight", "update over weight"],
  ],
  x: [["step", "steps"], ["tokens", "tokens"], ["time", "training time"]],
  y: [["log", "logarithmic"], ["linear", "linear"]],
  smooth: [["", "moving mean"], ["none", "as recorded"]],
};

function field(key, label, control) {
  return make("label", { class: "field", "data-for": key }, make("span", {}, label), control);
}

function select(key, values = options[key] ?? []) {
  const element = make("select", { id: "choice-" + key }, ...values.map(([value, text]) => make("option", { value }, text)));
  element.addEventListener("change", () => choose({ [key]: element.value }));
  return element;
}

function text(key, attributes, fallback) {
  const element = make("input", { id: "choice-" + key, autocomplete: "off", spellcheck: "false", ...attributes });
  element.addEventListener("change", () => choose({ [key]: element.value.trim() || fallback }));
  return element;
}

function startChoices() {
  const tabs = make("fieldset", { class: "pictures" }, make("legend", {}, "Picture"), ...Object.entries(pictures).map(([key, [label]]) => {
    const radio = make("input", { type: "radio", name: "picture", value: key, id: "picture-" + key });
    radio.addEventListener("change", () => choose({ view: key }));
    return make("label", {}, radio, make("span", {}, label));
  }));
  const from = make("input", { id: "choice-from", type: "number", min: 0, step: 1 });
  const to = make("input", { id: "choice-to", type: "number", min: 0, step: 1 });
  const setWindow = () => {
    const [a, b] = [from.value, to.value].map((value) => (value === "" ? null : Math.max(0, Math.round(Number(value)))));
    if (a == null && b == null) choose({ window: "" });
    else if (a != null && b != null && b < a) showProblem("The window ends before it begins.");
    else choose({ window: `${a ?? ""}:${b == null ? "" : b + 1}` });
  };
  from.addEventListener("change", setWindow);
  to.addEventListener("change", setWindow);
  const button = (id, label, action) => {
    const element = make("button", { type: "button", id }, label);
    element.addEventListener("click", action);
    return element;
  };
  const slider = make("input", { id: "choice-snapshot", type: "range", min: 0, max: 0, step: 1 });
  slider.addEventListener("input", () => {
    find("snapshot-step").textContent = snapshotText(content.snapshots[slider.value]);
    choose({ snapshot: Number(slider.value) === content.snapshots.length - 1 ? "" : String(content.snapshots[slider.value]) });
  });
  find("choices").append(
    tabs,
    field("op", "Operation", text("op", { list: "operations" }, "")), make("datalist", { id: "operations" }),
    field("stat", "Statistic", select("stat")),
    field("base", "Base", select("base")),
    field("layers", "Layers", text("layers", { list: "layer-words", size: 10 }, "paper")),
    make("datalist", { id: "layer-words" }, make("option", { value: "paper" }), make("option", { value: "all" })),
    field("x", "Along", select("x")), field("y", "Up", select("y")), field("smooth", "Lines", select("smooth")),
    make("label", { class: "field wide", "data-for": "snapshot" }, make("span", {}, "Snapshot ", make("output", { id: "snapshot-step", for: "choice-snapshot" })), slider),
    make("fieldset", { "data-for": "window" }, make("legend", {}, "Window of the table, steps"),
      make("label", {}, "from ", from), make("label", {}, " to ", to),
      button("usual-window", "second half", () => choose({ window: "" })),
      button("zoom", "zoom to it", () => choose({ zoom: state.zoom ? "" : content.window.join(":") }))),
  );
  find("choices").addEventListener("submit", (event) => event.preventDefault());
}

const snapshotText = (step) => (step == null ? "" : `after ${step} updates`);

function showChoices() {
  const put = (id, value) => { if (document.activeElement !== find(id)) find(id).value = value; };
  const used = (pictures[state.view] ?? pictures.layers)[1];
  for (const part of find("choices").querySelectorAll("[data-for]")) part.hidden = !used.includes(part.dataset.for);
  find("picture-" + (pictures[state.view] ? state.view : "layers")).checked = true;
  put("choice-op", state.op || content?.operation || "");
  for (const key of ["stat", "layers", "x", "smooth"]) put("choice-" + key, state[key]);
  put("choice-y", state.y || (state.view === "loss" ? "linear" : "log"));
  const [from, to] = content?.window ?? [];
  const own = state.window ? state.window.split(":") : null;
  put("choice-from", own ? own[0] : from ?? "");
  put("choice-to", own ? (own[1] === "" ? "" : own[1] - 1) : to == null ? "" : to - 1);
  find("usual-window").disabled = !state.window;
  find("zoom").textContent = state.zoom ? "whole run" : "zoom to it";
  find("zoom").hidden = !["layers", "loss", "map"].includes(state.view);
  const groups = content?.groups ?? [];
  const base = find("choice-base");
  if ([...base.options].map((option) => option.value).join("\n") !== groups.join("\n")) {
    base.replaceChildren(...groups.map((name) => make("option", { value: name }, name)));
  }
  base.value = groups.includes(state.base) ? state.base : groups[0] ?? "";
  const snapshots = content?.snapshots ?? [];
  const slider = find("choice-snapshot");
  slider.max = Math.max(0, snapshots.length - 1);
  const place = state.snapshot === "" ? snapshots.length - 1 : snapshots.findLastIndex((step) => step <= Number(state.snapshot));
  if (document.activeElement !== slider) slider.value = Math.max(0, place);
  slider.setAttribute("aria-valuetext", snapshotText(snapshots[Math.max(0, place)]));
  find("snapshot-step").textContent = snapshotText(snapshots[Math.max(0, place)]);
}

/** Asks for the view anew: now, or as soon as the last answer is there. */
function refresh() {
  clearTimeout(timer);
  if (isAsking) { isStale = true; return; }
  ask();
}

/** Asks for it anew because of news, but so seldom that it takes a two-hundredth of one of the server's cores, where the runs train, too; every two
 * seconds where that is a hundredth. */
function refreshSoon() {
  if (isAsking) { isStale = true; return; }
  clearTimeout(timer);
  const pause = Math.max(1000, 4 * lastCost, Math.min(2000, 200 * lastWork), Math.min(15000, 100 * lastWork));
  timer = setTimeout(refresh, Math.max(0, lastAsked + pause - performance.now()));
}

async function ask() {
  isAsking = true;
  isStale = false;
  lastAsked = performance.now();
  try {
    const width = Math.round(find("figure").clientWidth / 20) * 20;
    const answer = await fetch(address("view", query({ width })));
    lastWork = Number(/dur=([\d.]+)/.exec(answer.headers.get("Server-Timing"))?.[1] ?? 0);
    const value = await answer.json();
    if (answer.ok) showContent(value);
    else showProblem(value.error);
    askForFindings();
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
  const tables = new DOMParser().parseFromString(value.tables.join(""), "text/html").body;
  const places = [...find("table").querySelectorAll(".scroll")].map((part) => part.scrollLeft);
  find("table").replaceChildren(...tables.childNodes);
  find("table").querySelectorAll(".scroll").forEach((part, index) => { part.scrollLeft = places[index] ?? 0; });
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

let findingsAt = 0;
let findingsFor = "";
let findingsCost = 0;

/** What to look at first: it takes the server longer, so it is asked less often. */
async function askForFindings() {
  const wanted = [state.runs, state.op, state.window, versions()].join();
  const now = performance.now();
  const isOther = findingsFor.split(",")[0] !== wanted.split(",")[0];
  if (wanted === findingsFor || (!isOther && now < findingsAt + Math.max(10000, 20 * findingsCost))) return;
  [findingsFor, findingsAt] = [wanted, now];
  try {
    const answer = await fetch(address("findings", query()));
    const rows = answer.ok ? await answer.json() : [];
    findingsCost = performance.now() - now;
    find("findings").replaceChildren(...rows.map((row) => make("li", { class: row.level },
      make("b", {}, row.subject), ` ${row.text} `, make("small", {}, `seen at step ${row.step}`))));
    find("findings-part").hidden = !rows.length;
  } catch { /* The line at the top says that the server is gone. */ }
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
