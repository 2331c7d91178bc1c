// The runs: which there are, how they do, and which of them are shown.

let list = { rows: [], shown: [] };
let filter = "";

/** The ids of the runs that are shown. */
function shownRuns() {
  return state.runs ? state.runs.split(",") : list.shown;
}

function showList() {
  const remark = find("list-remark");
  remark.textContent = list.remark ?? "";
  remark.hidden = !list.remark;
  const groups = new Map();
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of list.rows) {
    const text = `${row.name} ${row.group ?? ""} ${row.standing ?? ""}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    const label = row.group ?? (row.problem ? "Not readable" : row.isPending ? "Not read yet" : "Others");
    if (!groups.has(label)) groups.set(label, []);
    groups.get(label).push(row);
  }
  const focused = document.activeElement?.dataset?.key;
  const sections = [...groups].map(([label, rows]) => groupSection(label, rows));
  if (!sections.length) {
    sections.push(make("p", { class: "remark" }, list.rows.length ? "No run has these words." : "No run file yet; new ones appear here."));
  }
  find("list").replaceChildren(...sections);
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function groupSection(label, rows) {
  const shown = new Set(shownRuns());
  const isAll = rows.every((row) => shown.has(row.id));
  const readable = rows.filter((row) => row.step != null);
  const box = make("input", {
    type: "checkbox", "data-key": "group:" + label, "aria-label": `Show all runs of ${label}`,
    disabled: readable.length === 0,
  });
  box.checked = readable.length > 0 && isAll;
  box.indeterminate = !isAll && rows.some((row) => shown.has(row.id));
  box.addEventListener("change", () => setShown(readable.map((row) => row.id), box.checked));
  const head = make("h3", {}, box, make("span", {}, label), make("small", {}, rows.length > 1 ? ` ${rows.length} runs` : ""));
  const items = make("ul", {}, ...rows.map((row) => rowItem(row, shown.has(row.id))));
  return make("section", { class: "group" }, head, floors(rows), items);
}

function rowItem(row, isShown) {
  const box = make("input", { type: "checkbox", "data-key": row.id, disabled: row.step == null });
  box.checked = isShown;
  box.addEventListener("change", () => setShown([row.id], box.checked));
  const name = make("label", { class: "name", title: row.name }, box, make("span", {}, row.name));
  if (row.problem) return make("li", { class: "run bad" }, name, make("p", { class: "facts problem-text" }, row.problem));
  if (row.isPending) return make("li", { class: "run" }, name, make("p", { class: "facts" }, "to be read"));
  const facts = [make("b", { class: "standing " + standingClass(row.standing) }, row.standing)];
  if (row.seed != null) facts.push(make("span", {}, `seed ${row.seed}`));
  facts.push(make("span", {}, row.step == null ? "no step yet" : stepText(row)));
  if (row.loss != null) facts.push(make("span", { title: lossTitle(row) }, `loss ${digits(row.loss)}` + (row.isNotLearning ? ", not learning yet" : "")));
  if (row.tokensPerSecond != null && row.standing === "running") facts.push(make("span", {}, `${digits(row.tokensPerSecond, 3)} tokens/s`));
  if (row.secondsLeft) facts.push(make("span", {}, `${duration(row.secondsLeft)} left`));
  const remarks = row.remarks.map((text) => make("p", { class: "facts problem-text" }, text));
  const share = row.standing === "running" && row.stepCount && row.step != null ? Math.min(1, (row.step + 1) / row.stepCount) : null;
  const bar = share == null ? null : make("progress", { max: 1, value: share, "aria-label": `${Math.round(100 * share)} % of its steps` });
  return make("li", { class: "run" }, name, make("p", { class: "facts" }, ...facts), bar, ...remarks);
}

function stepText(row) {
  return row.stepCount ? `step ${row.step} of ${row.stepCount}` : `step ${row.step}`;
}

function standingClass(standing) {
  return standing === "running" ? "running" : standing === "finished" ? "finished" : "ended";
}

function lossTitle(row) {
  const floors = [];
  if (row.unigramEntropy != null) floors.push(`unigram entropy ${digits(row.unigramEntropy)}`);
  if (row.entropyRate != null) floors.push(`entropy rate ${digits(row.entropyRate)}`);
  return `${digits(row.loss)} ${row.lossUnit}${floors.length ? "; " + floors.join(", ") : ""}`;
}

/** What the losses of a group are read against, once for all. */
function floors(rows) {
  const texts = new Set(rows.filter((row) => row.unigramEntropy != null).map((row) =>
    `unigram entropy ${digits(row.unigramEntropy)}` + (row.entropyRate != null ? `, entropy rate ${digits(row.entropyRate)}` : "")));
  return texts.size ? make("p", { class: "floors" }, `Floors of the loss: ${[...texts].join("; ")}`) : null;
}

function setShown(ids, isShown) {
  const shown = shownRuns().filter((id) => !ids.includes(id));
  if (isShown) shown.push(...ids);
  // In the order of the list, so that one choice has one address.
  const order = list.rows.map((row) => row.id).filter((id) => shown.includes(id));
  choose({ runs: order.length ? order.join(",") : "" });
  showList();
}
