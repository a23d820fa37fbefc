"use strict";
/* The page of the check reader. Its own server is all it ever talks to. */
const $ = (id) => document.getElementById(id);
const TOKEN = new URLSearchParams(location.search).get("token") || "";
const WIDE = 640, HIGH = 160, FINE = 2;  // of the paper; pixels of the screen for one of it
const LIVE = 110, PAUSE = 160;  // milliseconds between live readings, and before the layers are asked for
const BLANK = "none", SILENT = "the server does not answer; is it still running?";
const paper = $("ink"), pen = paper.getContext("2d");
const small = document.createElement("canvas"), thin = small.getContext("2d", { willReadFrequently: true });

let strokes = [];          // {width, erase, points: [x, y, pressure]}
let stroke = null, picture = null, high = HIGH, erasing = false;
let version = 0, shown = -1, answered = -1, lifted = 0, flying = 0, looked = -1, looking = false;
let sent = -1, record = null, sight = null, about = null, film = null, timer = 0, waiting = 0, reveal = 0;

/* ---- requests */

async function ask(path, body, settings) {
  const query = new URLSearchParams(settings || {});
  const reply = await fetch(`${path}?${query}`, {
    method: body ? "POST" : "GET", body,
    headers: { Authorization: `Bearer ${TOKEN}`, ...(body ? { "Content-Type": "application/octet-stream" } : {}) },
  });
  if (!reply.ok) {
    const told = await reply.json().catch(() => ({ error: reply.statusText }));
    throw Object.assign(new Error(told.error), { status: reply.status });
  }
  return reply;
}

function settings(extra) {
  const field = picture && !picture.whole ? "auto" : `0,0,${picture ? picture.w : WIDE},${picture ? picture.h : HIGH}`;
  return { grammar: $("grammar").value, engine: choice("engine"), field, ...extra };
}
const choice = (name) => (document.querySelector(`input[name=${name}]:checked`) || {}).value || "";

/* The ink as a PGM: made at once, where a PNG would have to wait its turn. */
function content() {
  if (picture) return picture.blob;
  small.width = WIDE; small.height = HIGH;
  thin.fillStyle = "#fff"; thin.fillRect(0, 0, WIDE, HIGH);
  for (const s of strokes) drawn(thin, s, 1, s.erase ? "#fff" : "#000");
  return pgm(thin, WIDE, HIGH);
}
function pgm(context, w, h) {
  const rgba = context.getImageData(0, 0, w, h).data, head = new TextEncoder().encode(`P5\n${w} ${h}\n255\n`);
  const bytes = new Uint8Array(head.length + w * h);
  bytes.set(head);
  for (let k = 0, at = head.length; k < rgba.length; k += 4) bytes[at++] = (rgba[k] * 77 + rgba[k + 1] * 151 + rgba[k + 2] * 28) >> 8;
  return bytes;
}

/* While the pen is down the whole strip alone is read, so that little lies before the answer. */
const lighter = () => choice("engine") === "both" ? "sdnn" : "";

async function read(engine) {
  const asked = version, light = !!engine;
  if (!light) sent = asked;
  if (!picture && !strokes.length) return blank();
  flying++;
  try {
    const body = content();
    const reply = await ask("read", body, settings(light ? { engine } : {}));
    const text = await reply.text();
    if (asked < shown || (light && asked <= answered)) return;
    shown = asked;
    if (!light) answered = asked;
    record = JSON.parse(text.split("\n")[0]);
    record.bytes = text;
    if (choice("speed") !== "1993") show();
    if (answered === version) settled();
    say("");
  } catch (error) { failed(error, asked); }
  finally { flying--; }
}
/* The answer to what lies on the paper stands there: note how long after the pen was lifted. */
function settled() {
  document.body.dataset.answered = version;
  if (!lifted) return;
  document.body.dataset.latency = (performance.now() - lifted).toFixed(1);
  lifted = 0;
}
function failed(error, asked) {
  if (error.status === 429) { say("busy, one moment …"); setTimeout(changed, 400); return; }
  say(error.status ? error.message : SILENT);
  if (error.status && asked === version) { record = null; blank(); $("result").textContent = "—"; $("why").textContent = error.message; }
}

async function look() {
  if (looking || looked === version || (!picture && !strokes.length)) return;
  looking = true;
  const asked = version, graphs = $("graphs").open;
  try {
    const reply = await ask("look", content(), settings({ graphs: graphs ? "1" : "0" }));
    const found = await reply.json();
    if (asked === version) { sight = found; looked = graphs === $("graphs").open ? asked : -1; inside(); if (choice("speed") === "1993") pace(); else clock(); }
  } catch (error) {
    if (error.status !== 429) { looked = asked; say(error.status ? error.message : SILENT); }  // asked again when ink changes
  } finally { looking = false; if (looked !== version && !stroke) later(); }
}

/* The layers wait for a pause of the pen: the answer comes first. */
function later() {
  clearTimeout(waiting);
  waiting = setTimeout(() => { if (!stroke && !flying) look(); else later(); }, choice("speed") === "1993" ? 0 : PAUSE);
}

/* Ink has changed: the answer follows, the layers a moment later. */
let last = 0;
function changed(now) {
  version++;
  $("hint").hidden = !!(strokes.length || picture || stroke);
  clearTimeout(timer);
  if (choice("speed") === "1993" && stroke) return;
  const wait = now === true ? 0 : Math.max(0, LIVE - (performance.now() - last));
  const go = () => { if (!now && flying > 1) { timer = setTimeout(go, 20); return; } last = performance.now(); read(stroke ? lighter() : ""); later(); };
  if (wait) timer = setTimeout(go, wait); else go();
}

/* ---- the paper */

function drawn(context, s, zoom, colour, from = 1) {
  context.strokeStyle = context.fillStyle = colour;
  context.lineCap = context.lineJoin = "round";
  const p = s.points, wide = (k) => s.width * zoom * (s.erase ? 3 : 1) * (0.55 + 0.9 * p[k][2]);
  if (p.length === 1) {
    context.beginPath(); context.arc(p[0][0] * zoom, p[0][1] * zoom, wide(0) / 2, 0, 7); context.fill(); return;
  }
  let [x, y] = p[0];
  if (from > 1) { x = (p[from - 2][0] + p[from - 1][0]) / 2; y = (p[from - 2][1] + p[from - 1][1]) / 2; }
  for (let k = from; k < p.length; k++) {
    const mx = k + 1 < p.length ? (p[k][0] + p[k + 1][0]) / 2 : p[k][0], my = k + 1 < p.length ? (p[k][1] + p[k + 1][1]) / 2 : p[k][1];
    context.lineWidth = wide(k);
    context.beginPath(); context.moveTo(x * zoom, y * zoom);
    context.quadraticCurveTo(p[k][0] * zoom, p[k][1] * zoom, mx * zoom, my * zoom); context.stroke();
    x = mx; y = my;
  }
}
const tone = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
function redraw() {
  high = picture ? Math.round(Math.min(420, Math.max(90, WIDE * picture.h / picture.w))) : HIGH;
  if (paper.height !== high * FINE) paper.height = high * FINE;
  pen.fillStyle = tone("--paper"); pen.fillRect(0, 0, paper.width, paper.height);
  if (picture && picture.bitmap) {
    const { k, x, y } = placing();
    pen.filter = document.body.classList.contains("period") ? "invert(1) sepia(1) hue-rotate(60deg) saturate(3)" : "none";
    pen.drawImage(picture.bitmap, x * FINE, y * FINE, picture.w * k * FINE, picture.h * k * FINE);
    pen.filter = "none";
    return;
  }
  pen.fillStyle = tone("--rule");
  for (let x = 24; x < WIDE - 20; x += 8) pen.fillRect(x * FINE, 122 * FINE, 3, 1);
  const ground = tone("--paper"), ink = tone("--ink");
  for (const s of strokes) drawn(pen, s, FINE, s.erase ? ground : ink);
}
function placing() {
  const w = picture ? picture.w : WIDE, h = picture ? picture.h : HIGH, k = Math.min(WIDE / w, high / h);
  return { k, x: (WIDE - w * k) / 2, y: (high - h * k) / 2 };
}
const across = (v) => { const { k, x } = placing(); return 100 * (x + v * k) / WIDE; };
const down = (v) => { const { k, y } = placing(); return 100 * (y + v * k) / high; };
function frame(mark, x, y, w, h) {
  mark.hidden = false;
  Object.assign(mark.style, { left: `${across(x)}%`, top: `${down(y)}%`, width: `${across(x + w) - across(x)}%`, height: `${down(y + h) - down(y)}%` });
}

function point(event) {
  const box = paper.getBoundingClientRect();
  const pressure = event.pointerType === "pen" && event.pressure ? event.pressure : 0.5;
  return [(event.clientX - box.left) * WIDE / box.width, (event.clientY - box.top) * high / box.height, pressure];
}
paper.addEventListener("pointerdown", (event) => {
  if (event.button || film) return;
  if (picture) { say("Clear the paper to write on it."); return; }
  event.preventDefault();
  paper.setPointerCapture(event.pointerId);
  stroke = { width: Number($("width").value), erase: erasing || event.buttons === 32, points: [point(event)] };
  strokes.push(stroke); redraw(); $("hint").hidden = true; lifted = 0;
});
paper.addEventListener("pointermove", (event) => {
  if (!stroke) return;
  const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  const from = Math.max(1, stroke.points.length - 1);
  for (const one of all.length ? all : [event]) stroke.points.push(point(one));
  drawn(pen, stroke, FINE, tone(stroke.erase ? "--paper" : "--ink"), from); changed();
});
function lift(event) {
  if (!stroke) return;
  stroke = null; lifted = event.timeStamp;
  if (sent !== version) { changed(true); return; }
  if (answered === version) settled();  // else the answer is on its way
  later();
}
paper.addEventListener("pointerup", lift);
paper.addEventListener("pointercancel", lift);
paper.addEventListener("keydown", (event) => {
  if (event.key === "Backspace" || event.key === "Delete") undo();
  else if (event.key === "Escape") clear();
  else if (event.key === " " && film) { event.preventDefault(); grab(true); }
});
function undo() { if (strokes.pop()) { redraw(); lifted = performance.now(); changed(true); } else clear(); }
function emptied() { strokes = []; picture = null; redraw(); version++; answered = shown = version; blank(); }
function clear() {
  stopCamera(); emptied(); say(""); paper.focus();
  if (lent) $("grammar").value = "digits";
  lent = false;
}
function blank() {
  record = sight = null; looked = -1; clearInterval(reveal);
  $("hint").hidden = !!(strokes.length || picture);
  $("result").textContent = "\u00a0"; $("result").className = ""; $("why").textContent = $("clock").textContent = "";
  $("digits").replaceChildren(); $("guesses").replaceChildren(); $("field").hidden = $("crop").hidden = true;
  meter(null); inside();
}

/* ---- images, camera, hand */

async function take(blob, whole) {
  stopCamera();
  const bitmap = await createImageBitmap(blob).catch(() => null);
  strokes = [];
  picture = { blob, bitmap, w: bitmap ? bitmap.width : WIDE, h: bitmap ? bitmap.height : HIGH, whole };
  redraw(); lifted = performance.now(); changed(true);
  if (!bitmap) say("This browser cannot show the image; it is read all the same.");
}
$("file").addEventListener("change", (event) => { if (event.target.files[0]) take(event.target.files[0]); event.target.value = ""; });
for (const name of ["dragenter", "dragover"]) addEventListener(name, (event) => { event.preventDefault(); $("paper").classList.add("dropping"); });
for (const name of ["dragleave", "drop"]) addEventListener(name, () => $("paper").classList.remove("dropping"));
addEventListener("drop", (event) => { event.preventDefault(); const f = event.dataTransfer.files[0]; if (f) take(f); });
addEventListener("paste", (event) => { const f = [...event.clipboardData.files][0]; if (f) take(f); });

let hand = 1, lent = false;  // the hand expects a telephone number where digits were expected
async function write() {
  try {
    const text = $("text").value.trim(), figures = text.replace(/[^0-9]/g, "").length;
    if ($("grammar").value === "digits" && figures < text.length && (figures === 7 || figures === 10)) { $("grammar").value = "phone"; lent = true; }
    const reply = await ask("write", null, { text, seed: String(hand++) });
    await take(await reply.blob(), true);
  } catch (error) { say(error.message); }
}
$("write").addEventListener("click", write);
$("text").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); write(); } });

async function startCamera() {
  try {
    film = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
  } catch (error) { film = null; say("There is no camera, or it may not be used."); return; }
  emptied(); $("hint").hidden = true;
  $("video").srcObject = film; $("video").hidden = false; await $("video").play();
  $("camera").setAttribute("aria-pressed", "true"); $("camera").textContent = "Grab";
  say("Hold the number into the frame; Grab or the space bar reads it."); paper.focus();
}
function stopCamera() {
  if (!film) return;
  for (const track of film.getTracks()) track.stop();
  film = null; $("video").hidden = true; $("camera").setAttribute("aria-pressed", "false"); $("camera").textContent = "Camera";
}
function grab() {
  const video = $("video"), w = 1280, h = 320, band = document.createElement("canvas"), on = band.getContext("2d");
  band.width = w; band.height = h;
  const k = Math.max(w / video.videoWidth, h / video.videoHeight), sw = w / k, sh = h / k;
  on.drawImage(video, (video.videoWidth - sw) / 2, (video.videoHeight - sh) / 2, sw, sh, 0, 0, w, h);
  const bytes = pgm(on, w, h);
  stopCamera();
  picture = { blob: new Blob([bytes]), bitmap: band, w, h, whole: true };
  redraw(); lifted = performance.now(); changed(true);
}
$("camera").addEventListener("click", () => (film ? grab() : startCamera()));

/* ---- the answer */

const money = (text) => ($("grammar").value === "amount" && record.amount ? `$ ${record.amount}` : text);
function show() {
  clearInterval(reveal);
  const r = record;
  const result = $("result"), ok = r.status === "read";
  result.textContent = ok ? money(r.text) : "REJECT";
  result.className = r.status;
  const words = (r.reason || "").replaceAll("_", " ");
  $("why").textContent = ok ? doubtful(r) : `${words}: ${REASONS[r.reason] || "not sure enough"}`;
  placed(r.digits || []);
  meter(r);
  $("guesses").replaceChildren(...r.n_best.slice(0, 3).map(([text, p]) => {
    const line = document.createElement("li"), name = document.createElement("span"), value = document.createElement("span");
    name.textContent = text; value.textContent = p.toFixed(3); line.append(name, value); return line;
  }));
  clock();
}
const REASONS = {
  ambiguous: "no reading is sure enough", unexplained_ink: "some of the ink belongs to no character",
  grammar: "what is written is not of the expected form", disagreement: "the two readers disagree",
  blank: "no ink found", low_resolution: "the digits are too small", poor_image: "the image is too poor",
  no_field: "no field found", expect: "not what was expected",
};
function doubtful(r) {
  const weak = (r.digits || []).filter((d) => d.p < 0.9 && d.alt.length);
  return weak.length ? `least sure of ${weak.map((d) => `${d.char} (or ${d.alt[0][0]})`).join(", ")}` : "";
}
function placed(digits) {
  $("digits").replaceChildren(...digits.map((d) => {
    const one = document.createElement("span");
    one.textContent = d.char; one.style.left = `${across(d.box[0] + d.box[2] / 2)}%`;
    if (d.p < 0.9) one.className = "doubt";
    return one;
  }));
}
const svg = (name, attributes, text) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};
function meter(r) {
  const parts = [], left = 8, room = 284, ink = tone("--ink"), soft = tone("--soft");
  for (let k = 0; k <= 50; k++) parts.push(svg("path", { d: `M${left + room * k / 50} 22v${k % 5 ? 4 : 8}`, stroke: soft, "stroke-width": 0.8 }));
  for (const k of [0, 0.5, 1]) parts.push(svg("text", { x: left + room * k, y: 43, "text-anchor": k ? (k === 1 ? "end" : "middle") : "start" }, k));
  if (r) {
    const t = left + room * Math.min(r.threshold, 1), c = left + room * r.confidence;
    parts.push(svg("path", { d: `M${left} 22H${c}`, stroke: tone(r.status === "read" ? "--good" : "--bad"), "stroke-width": 3 }));
    parts.push(svg("path", { d: `M${t} 8v26`, stroke: ink, "stroke-width": 1, "stroke-dasharray": "2 2" }));
    parts.push(svg("path", { d: `M${c} 21l-4 -9h8z`, fill: ink }));
    $("meter").setAttribute("aria-label", `Confidence ${r.confidence.toFixed(3)}, threshold ${r.threshold.toFixed(3)}`);
  }
  $("meter").replaceChildren(...parts);
}
function clock() {
  if (!record) return;
  const now = `this machine ${record.ms.toFixed(0)} ms`, c = sight && sight.clock;
  $("clock").textContent = c
    ? `1993: ${c.seconds.toFixed(2)} s (camera ${c.camera.toFixed(2)} s, DSP32C ${c.processor.toFixed(2)} s for ${(c.multiply_adds / 1e6).toFixed(1)} M multiply–adds) · ${now}`
    : `confidence ${record.confidence.toFixed(3)} · ${now}`;
}
/* At the speed of then the digits come out one by one, paced by the counted work. */
function pace() {
  if (!record || !sight.clock) { if (record) show(); return; }
  const all = record.digits || [], step = 1000 * sight.clock.seconds / Math.max(all.length, 1), start = performance.now();
  clearInterval(reveal);
  $("result").textContent = "\u00a0"; $("why").textContent = "";
  $("digits").replaceChildren(); $("guesses").replaceChildren(); meter(null);
  reveal = setInterval(() => {
    const spent = performance.now() - start, n = Math.floor(spent / step);
    if (spent >= 1000 * sight.clock.seconds) { show(); return; }
    placed(all.slice(0, n));
    $("clock").textContent = `1993: ${(spent / 1000).toFixed(2)} s`;
  }, 30);
}

/* ---- inside */

function bytes(text) {
  const all = atob(text), made = new Uint8Array(all.length);
  for (let k = 0; k < all.length; k++) made[k] = all.charCodeAt(k);
  return made;
}
const rgb = (name) => { const t = tone(name); return [1, 3, 5].map((k) => parseInt(t.slice(k, k + 2), 16)); };
/* Levels from 0, paper, to 255, ink; those below are rules. */
function painted(canvas, w, h, levels, colour = "--ink") {
  canvas.width = w; canvas.height = h;
  const on = canvas.getContext("2d"), image = on.createImageData(w, h), pixels = new Uint32Array(image.data.buffer);
  const ground = rgb("--paper"), ink = rgb(colour), shade = ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r, rule = shade(rgb("--rule"));
  const shades = Uint32Array.from({ length: 256 }, (_, v) => shade(ground.map((c, k) => Math.round(c + (ink[k] - c) * v / 255))));
  for (let k = 0; k < w * h; k++) pixels[k] = levels[k] < 0 ? rule : shades[levels[k]];
  on.putImageData(image, 0, 0);
}
function inside() {
  $("field").hidden = true;
  if (sight && picture && !picture.whole) frame($("field"), ...sight.field);
  cuts(sight && sight.segmentation);
  const alive = sight && sight.strip;
  for (const id of ["fig-places", "fig-layers"]) $(id).hidden = about && !about.engines.includes("sdnn");
  $("untrained").hidden = !about || about.engines.includes("sdnn");
  if (alive) { strip(); outputs(); layers(); } else { $("layers").replaceChildren(); for (const id of ["strip", "places"]) { $(id).width = 640; $(id).height = id === "strip" ? 32 : 60; } $("labels").replaceChildren(); }
  const pictures = (sight && sight.graphs) || [];
  $("pictures").replaceChildren(...pictures.flatMap((g) => {
    const title = document.createElement("p"), image = document.createElement("img");
    title.textContent = `${g.title}. ${g.caption}`; image.alt = g.title;
    image.src = URL.createObjectURL(new Blob([g.svg], { type: "image/svg+xml" }));
    return [title, image];
  }));
}
$("graphs").addEventListener("toggle", () => { looked = -1; look(); });

function cuts(s) {
  const box = $("cuts");
  $("fig-cuts").hidden = !!(sight && !s);
  if (!s) { box.replaceChildren(); return; }
  const at = s.nodes.map((x) => 11.2 * across(x)), parts = [], top = 14;
  let deep = 0;
  const best = new Set(s.path.map(([a, b, , n]) => (n < 0 ? `${a}-${b}` : n)));
  s.candidates.forEach((c, n) => {
    const [a, b] = [at[c.span[0]], at[c.span[1] + 1]], on = best.has(n), h = 10 + 0.48 * (b - a);
    if (!on && (!c.symbol || c.p < 0.02)) return;
    deep = Math.max(deep, h * 0.75 + (on ? 22 : 16));
    const d = `M${a} ${top}C${a + (b - a) * .12} ${top + h} ${b - (b - a) * .12} ${top + h} ${b} ${top}`;
    parts.push({ on, p: c.p, nodes: [
      svg("path", { d, class: on ? "best" : "", "stroke-width": on ? 2.6 : 1, "stroke-opacity": on ? 1 : (0.1 + 0.75 * c.p).toFixed(2) }),
      svg("text", { x: (a + b) / 2, y: top + h * 0.75 + (on ? 18 : 12), class: on ? "best" : "", "font-size": on ? 20 : 12, "fill-opacity": on ? 1 : (0.2 + 0.7 * c.p).toFixed(2) }, on ? symbolOf(s, n) : c.symbol),
      Object.assign(svg("path", { d, class: "hit" }), { onpointermove: (e) => crop(e, s, c, n), onpointerleave: hush }),
    ] });
  });
  for (const [a, b, , n] of s.path) if (n < 0) parts.push({ on: true, p: 1, nodes: [svg("path", { d: `M${at[a]} ${top}H${at[b + 1]}`, class: "best", "stroke-width": 2, "stroke-dasharray": "2 3" })] });
  parts.sort((a, b) => a.on - b.on || a.p - b.p);
  const whole = svg("svg", { viewBox: `0 0 1120 ${Math.max(60, top + deep + 6)}`, role: "img", "aria-label": `Segmentation graph: ${s.nodes.length} nodes, ${s.candidates.length} candidates` });
  whole.append(...parts.flatMap((p) => p.nodes), ...at.map((x) => svg("circle", { cx: x, cy: top, r: 4 })));
  box.replaceChildren(whole);
}
const symbolOf = (s, n) => { const step = s.path.find((p) => p[3] === n); return sight.symbols[step[2]]; };
function crop(event, s, c, n) {
  const side = s.side, all = s.pixels || (s.pixels = bytes(s.retinas)), canvas = document.createElement("canvas");
  painted(canvas, side, side, all.subarray(n * side * side));
  const lines = c.classes.map(([name, p]) => `${name}  ${p.toFixed(3)}`);
  tip(event, canvas, [...lines, `penalty ${c.penalty.toFixed(2)}`]);
  frame($("crop"), ...c.box);
}
function hush() { $("tip").hidden = true; $("crop").hidden = true; $("seen").hidden = true; }
function tip(event, head, lines) {
  const box = $("tip");
  box.replaceChildren(...(head ? [head] : []), ...lines.map((t) => Object.assign(document.createElement("div"), { textContent: t })));
  box.hidden = false;
  const wide = box.offsetWidth, tall = box.offsetHeight;
  box.style.left = `${Math.min(event.clientX + 16, innerWidth - wide - 8)}px`;
  box.style.top = `${event.clientY + 18 + tall > innerHeight ? event.clientY - tall - 12 : event.clientY + 18}px`;
}

/* Strip and outputs lie under the ink they come from: columns are placed as on the paper. */
function lay(canvas, first, last) {
  const from = across(first), to = across(last);
  Object.assign(canvas.style, { marginLeft: `${from}%`, width: `${to - from}%` });
}
const column = (c) => sight.strip.left + c * sight.strip.scale;
function strip() {
  const [rows, columns] = sight.strip.shape;
  painted($("strip"), columns, rows, bytes(sight.strip.ink));
  lay($("strip"), column(0), column(columns));
}
function outputs() {
  const { shape: [count, classes], p: text, step, window: wide } = sight.places, p = bytes(text);
  const names = [...sight.symbols, BLANK], shown = [];
  for (let k = 0; k < classes - 1; k++) {
    let most = 0;
    for (let t = 0; t < count; t++) most = Math.max(most, p[t * classes + k]);
    if (k < 10 || most > 12) shown.push(k);
  }
  painted($("places"), count, shown.length, shown.flatMap((k) => Array.from({ length: count }, (_, t) => p[t * classes + k])), "--best");
  const canvas = $("places"), first = wide / 2 - step / 2;
  lay(canvas, column(first), column(first + step * count));
  canvas.style.height = `${13 * shown.length}px`;
  $("labels").replaceChildren(...shown.map((k, n) => { const one = document.createElement("span"); one.textContent = names[k]; one.style.top = `${100 * (n + 0.5) / shown.length}%`; return one; }));
  canvas.onpointermove = (event) => {
    const box = canvas.getBoundingClientRect(), t = Math.min(count - 1, Math.floor((event.clientX - box.left) / box.width * count));
    const order = [...Array(classes).keys()].sort((a, b) => p[t * classes + b] - p[t * classes + a]).slice(0, 3);
    tip(event, null, order.map((k) => `${names[k]}  ${(p[t * classes + k] / 255).toFixed(2)}`));
    sees(0, t * step, sight.strip.shape[0], wide);
  };
  canvas.onpointerleave = hush;
}
/* Frame what a unit sees: on the strip, and on the paper. */
function sees(row, col, h, w) {
  const [rows, columns] = sight.strip.shape, s = $("strip"), mark = $("seen");
  const x = s.offsetLeft + col / columns * s.offsetWidth, right = s.offsetLeft + Math.min(columns, col + w) / columns * s.offsetWidth;
  mark.hidden = false;
  Object.assign(mark.style, { left: `${x}px`, width: `${right - x}px`, top: `${row / rows * s.offsetHeight}px`, height: `${h / rows * s.offsetHeight}px` });
  frame($("crop"), column(col), sight.strip.top + row * sight.strip.scale, w * sight.strip.scale, h * sight.strip.scale);
}
function layers() {
  const made = sight.layers.map((layer) => {
    const [maps, rows, columns] = layer.shape, states = bytes(layer.states), flat = rows === 1;
    const over = flat ? 1 : maps % 5 ? 4 : 5, tall = Math.ceil(maps / over), gap = flat ? 0 : 2;
    const w = over * (columns + gap) - gap, h = tall * (rows + gap) - gap, canvas = document.createElement("canvas");
    const where = (x, y) => {
      const u = x % (columns + gap), v = y % (rows + gap), m = Math.floor(y / (rows + gap)) * over + Math.floor(x / (columns + gap));
      return u < columns && v < rows && m < maps ? [m, v, u] : null;
    };
    const sheet = new Int16Array(w * h).fill(-1);
    for (let row = 0; row < maps * rows; row++) {
      const m = Math.floor(row / rows), x = (m % over) * (columns + gap), y = Math.floor(m / over) * (rows + gap) + row % rows;
      sheet.set(states.subarray(row * columns, (row + 1) * columns), y * w + x);
    }
    painted(canvas, w, h, sheet);
    if (flat) canvas.style.height = `${Math.min(h, 128) * 1.3}px`;
    canvas.setAttribute("role", "img");
    const size = flat ? `${maps} units at ${columns} places` : `${maps} maps of ${rows} × ${columns}`, [fh, fw] = layer.field;
    canvas.setAttribute("aria-label", `${layer.name}: ${size}`);
    canvas.onpointermove = (event) => {
      const box = canvas.getBoundingClientRect();
      const at = where(Math.min(w - 1, Math.floor((event.clientX - box.left) / box.width * w)), Math.min(h - 1, Math.floor((event.clientY - box.top) / box.height * h)));
      if (!at) { hush(); return; }
      const [m, v, u] = at;
      tip(event, null, [`${layer.name}, ${flat ? "unit" : "map"} ${m + 1}${flat ? "" : `, row ${v + 1}`}, column ${u + 1}`, `state ${(states[(m * rows + v) * columns + u] / 255).toFixed(2)} of the layer's highest`, `sees ${fh} × ${fw} of the strip`]);
      sees(v * layer.step[0], u * layer.step[1], fh, fw);
    };
    canvas.onpointerleave = hush;
    const one = document.createElement("div"), title = document.createElement("p"), name = document.createElement("b"), frameBox = document.createElement("div");
    one.className = "layer"; name.textContent = layer.name; title.append(name, `${size}; a unit sees ${fh} × ${fw}`);
    frameBox.className = "wide"; frameBox.append(canvas); one.append(title, frameBox);
    return { one, flat };
  });
  const pair = document.createElement("div");
  pair.className = "pair"; pair.append(...made.filter((m) => m.flat).map((m) => m.one));
  $("layers").replaceChildren(...made.filter((m) => !m.flat).map((m) => m.one), pair);
}

/* ---- settings */

const say = (text) => { $("status").textContent = text; };
$("eraser").addEventListener("click", () => { erasing = !erasing; $("eraser").setAttribute("aria-pressed", String(erasing)); });
$("undo").addEventListener("click", undo);
$("clear").addEventListener("click", clear);
$("png").addEventListener("click", () => { $("png").href = paper.toDataURL("image/png"); });
$("json").addEventListener("click", (event) => {
  if (record) $("json").href = URL.createObjectURL(new Blob([record.bytes], { type: "application/json" }));
  else event.preventDefault();
});
function restyle() {
  document.body.classList.toggle("period", choice("style") === "1993");
  document.documentElement.classList.toggle("period", choice("style") === "1993");
  redraw(); meter(record); inside();
}
$("settings").addEventListener("submit", (event) => event.preventDefault());
$("settings").addEventListener("change", (event) => {
  if (event.target.id === "grammar") lent = false;
  if (event.target.name === "style") restyle();
  else { lifted = performance.now(); changed(true); }
});
async function begin() {
  redraw(); meter(null);
  const wanted = location.hash.slice(1).split(",");
  try { about = await (await ask("about")).json(); } catch (error) { say(error.message); return; }
  $("grammar").replaceChildren(...about.grammars.map((name) => Object.assign(document.createElement("option"), { value: name, textContent: name })));
  $("grammar").value = about.grammars.find((name) => wanted.includes(name)) || "digits";
  for (const one of document.querySelectorAll("input[name=engine]")) {
    one.disabled = !about.engines.includes(one.value); one.checked = one.value === about.engine;
  }
  if (wanted.includes("1993")) document.querySelector("input[name=style][value='1993']").checked = true;
  if (wanted.includes("slow")) document.querySelector("input[name=speed][value='1993']").checked = true;
  $("version").textContent = `holmdel ${about.version} · weights ${Object.values(about.weights).pop().slice(0, 8)}`;
  restyle();
  document.body.dataset.ready = "1";
  if (wanted.includes("camera")) startCamera();
}
begin();
