// What the page shows, and where that is written down: the part of the address behind `#`, so that a link shows the same.

const usual = {
  view: "layers", runs: "", op: "", stat: "l1", layers: "paper", window: "", zoom: "", x: "step", y: "", smooth: "", base: "", snapshot: "",
};

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  const state = {};
  for (const key in usual) state[key] = given.get(key) ?? usual[key];
  return state;
}

let state = readState();

/** Changes some choices, writes them into the address and draws. */
function choose(changes) {
  state = { ...state, ...changes };
  const kept = new URLSearchParams();
  for (const key in usual) if (state[key] !== usual[key]) kept.set(key, state[key]);
  const hash = kept.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  history.replaceState(null, "", location.pathname + location.search + (hash ? "#" + hash : ""));
  showChoices();
  refresh();
}

const token = new URLSearchParams(location.search).get("token");

/** An address of this server, with the token where one is needed. */
function address(path, query = {}) {
  const all = new URLSearchParams();
  for (const key in query) if (query[key] !== "" && query[key] != null) all.set(key, query[key]);
  if (token) all.set("token", token);
  const text = all.toString();
  return "api/" + path + (text ? "?" + text : "");
}

/** The view's choices as the server takes them. */
function query(extra = {}) {
  return { ...state, ...extra };
}

// Small helpers for elements: everything from files is text, never markup.
const find = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** A number for reading: three or four digits that count. */
function digits(value, count = 4) {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(count - 1).replace("e+", "e");
  return String(Number(value.toPrecision(count)));
}

/** 3 s, 12 min, 2 h 5 min, 3 d 4 h. */
function duration(seconds) {
  if (seconds == null) return "";
  const s = Math.round(seconds);
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129600) return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.round((s % 86400) / 3600)} h`;
}
