"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const REASONS = {
    "-": "not compared",
    r: "no face in the real frame",
    t: "no face in this frame",
    b: "no face on either side",
    ".": "not measured",
  };

  const make = (tag, attributes = {}, text = "") => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  };
  const draw = (tag, attributes, parent) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return parent.appendChild(element);
  };
  const finite = (value) => typeof value === "number";
  const label = (side) => {
    const name = make("span", { class: `method ${side < 0 ? "truth" : `m${side}`}` });
    name.append(make("i", { "aria-hidden": "true" }), make("bdi", {}, side < 0 ? "Ground Truth" : data.methods[side]));
    return name;
  };

  // The list of all clips: sort by a column, filter by name, method and completeness.

  const rows = [...document.querySelectorAll("#list tbody tr")];

  const spanned = data.columns.length - 1; // a failed take has its reason in the place of all its values
  function key(row, at) {
    if (!("failed" in row.dataset) || at < 2) return row.cells[at].dataset.v;
    return at < 3 + spanned ? "" : row.cells[at - spanned].dataset.v;
  }
  const names = new Map(rows.map((row) => [row, key(row, 0).toLowerCase()]));
  const number = (text) => Number(text.replace("inf", "Infinity"));
  function sortBy(header) {
    const down = header.getAttribute("aria-sort") === "ascending";
    const keys = new Map(rows.map((row) => [row, key(row, header.cellIndex)]));
    const numeric = [...keys.values()].every((text) => text === "" || !Number.isNaN(number(text)));
    const order = numeric
      ? (a, b) => Math.sign(number(a) - number(b)) || 0 // ∞ − ∞ is no number
      : new Intl.Collator("en", { numeric: true }).compare;
    rows.sort((one, other) => {
      const [a, b] = [keys.get(one), keys.get(other)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what is missing comes last either way
      return down ? order(b, a) : order(a, b);
    });
    for (const each of header.parentNode.cells) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    document.querySelector("#list tbody").append(...rows);
    filter();
  }

  let room = 200; // browsers are slow to lay out thousands of rows
  function filter() {
    const wanted = $("find").value.toLowerCase();
    const method = $("of-method").value;
    let count = 0;
    for (const row of rows) {
      const fits =
        names.get(row).includes(wanted) &&
        (method === "" || row.dataset.method === method) &&
        (!$("incomplete").checked || "incomplete" in row.dataset);
      count += fits;
      row.hidden = !fits || count > room;
    }
    $("count").textContent = `${count} of ${rows.length}`;
    $("more").hidden = count <= room;
    $("more").textContent = `Show all ${count}`;
  }

  for (const button of document.querySelectorAll("#list thead button")) {
    button.addEventListener("click", () => sortBy(button.parentNode));
  }
  for (const id of ["find", "of-method", "incomplete"]) $(id).addEventListener("input", filter);
  $("more").addEventListener("click", () => {
    room = Infinity;
    filter();
  });
  filter(); // browsers keep what was typed when a page is loaded again

  // The player. One video holds all pictures of a clip side by side; each canvas shows one of them. Frame k is on
  // screen from k / rate to (k + 1) / rate: seeking to its middle leaves no room for rounding.

  const stage = $("stage");
  if (!stage) return;
  const video = $("video");
  let scene = null;
  let frame = 0;
  let panels = [];

  const last = () => Math.max(0, scene.frames - 1);
  const column = () => Number($("metric").value);
  const clamp = (at) => Math.min(Math.max(at, 0), last());

  function choose(index) {
    scene = data.scenes[index];
    $("scene").value = index;
    video.pause();
    delete stage.dataset.painted;
    if (scene.video) video.src = scene.video;
    else video.removeAttribute("src");
    video.playbackRate = video.defaultPlaybackRate = Number($("speed").value);
    $("seek").max = last();
    for (const id of ["play", "speed"]) $(id).disabled = !scene.video;
    $("sound").disabled = !scene.heard;
    $("sound").parentNode.title = scene.heard ? `Sound: ${scene.heard}` : "No sound";
    $("notes").replaceChildren(...scene.notes.map((note) => make("li", {}, note)));
    panels = [-1, ...data.methods.keys()].map(panel);
    $("pictures").classList.toggle("few", panels.length <= 4);
    $("pictures").replaceChildren(video, ...panels.map((each) => each.figure));
    frame = 0;
    plot();
    show();
  }

  function panel(side) {
    const place = scene.pictures.find((each) => each.side === side);
    const figure = make("figure");
    const caption = make("figcaption");
    const value = make("span", { class: "value" });
    caption.append(label(side), value);
    let context = null;
    if (place) {
      const canvas = make("canvas", { width: place.width, height: place.height });
      context = canvas.getContext("2d");
      figure.append(canvas);
    } else {
      figure.append(make("div", { class: "blank" }, "no picture"));
    }
    figure.append(caption);
    return { side, place, figure, value, context };
  }

  function paint() {
    if (video.readyState < 2) return;
    for (const { context, place } of panels) {
      if (context) {
        const { left, top, width, height } = place;
        context.drawImage(video, left, top, width, height, 0, 0, width, height);
      }
    }
  }

  const seconds = (at) => (scene.rate ? `${(at / scene.rate).toFixed(2)} s` : "");
  const printed = (value, metric) =>
    finite(value) ? value.toFixed(metric.decimals) : value === "inf" ? "∞" : value === "-inf" ? "−∞" : "–";
  const withUnit = (value, metric) => `${printed(value, metric)}${metric.unit && value !== null ? ` ${metric.unit}` : ""}`;
  const valueAt = (method, at) => (scene.values[method] ? scene.values[method][column()][at] : null);
  const reason = (method, at) => (scene.state[method] ? REASONS[scene.state[method][at]] : "not measured");

  // Show what belongs to the frame: numbers, time, slider and playhead. Pictures come from the video itself.
  function show() {
    const metric = data.columns[column()];
    for (const { side, value } of panels) {
      const now = side < 0 ? null : valueAt(side, frame);
      value.textContent = side < 0 ? "" : now === null ? reason(side, frame) : withUnit(now, metric);
    }
    $("seek").value = frame;
    $("seek").setAttribute("aria-valuetext", `Frame ${frame} of ${last()}, ${seconds(frame)}`);
    $("time").textContent = `frame ${frame} / ${last()}  ·  ${seconds(frame)}`;
    stage.dataset.frame = frame;
    movePlayhead();
  }

  let wanted = null;
  let playing = false;
  function seek(at) {
    playing = false;
    video.pause();
    frame = clamp(at);
    show();
    if (!scene.video || video.readyState < 1) return;
    wanted = frame;
    if (!video.seeking) goThere();
  }
  function goThere() {
    video.currentTime = (wanted + 0.5) / scene.rate;
    wanted = null;
  }
  video.addEventListener("seeked", () => {
    if (wanted !== null) return goThere();
    paint();
    stage.dataset.painted = frame;
  });
  video.addEventListener("loadeddata", () => seek(frame));
  video.addEventListener("error", () => {
    if (!scene.video) return;
    $("notes").append(make("li", {}, "The browser cannot play this clip's video; is the folder media beside this page?"));
  });

  const exact = "requestVideoFrameCallback" in HTMLVideoElement.prototype;
  function follow(now, metadata) {
    if (video.paused) return;
    paint();
    // with the callback, the time of the very frame on screen; without, the clock
    frame = clamp(metadata ? Math.round(metadata.mediaTime * scene.rate) : Math.floor(video.currentTime * scene.rate));
    show();
    stage.dataset.painted = frame;
    next();
  }
  const next = () => (exact ? video.requestVideoFrameCallback(follow) : requestAnimationFrame((now) => follow(now)));

  function toggle() {
    if (!scene.video) return;
    if (!video.paused) return seek(frame);
    if (frame >= last()) video.currentTime = 0;
    video.play().catch(() => {}); // a seek may interrupt it
  }
  const running = () => {
    const word = video.paused ? "Play" : "Pause";
    $("play").textContent = word;
    $("play").setAttribute("aria-label", word);
  };
  video.addEventListener("play", () => {
    playing = true;
    running();
    next();
  });
  video.addEventListener("pause", running);
  // a browser may say so too when it was only sent to the last frame, and by then the reader can be elsewhere
  video.addEventListener("ended", () => playing && seek(last()));

  // The curve.

  const HEIGHT = 190;
  const EDGE = { left: 46, right: 8, top: 8, bottom: 22 };
  const RUG = 4;
  let view = null;

  function ticks(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }

  function range(metric) {
    const values = scene.values.flatMap((series) => series[column()].filter(finite));
    if (!values.length) return [0, 1];
    let low = values.reduce((a, b) => Math.min(a, b));
    let high = values.reduce((a, b) => Math.max(a, b));
    if (metric.better === "lower" && low >= 0) low = 0;
    if (high === low) high = low + 10 ** -metric.decimals;
    const pad = (high - low) * 0.05;
    return [low === 0 ? 0 : low - pad, high + pad];
  }

  function plot() {
    const metric = data.columns[column()];
    const width = Math.max(240, $("curve").clientWidth);
    const rug = EDGE.top + HEIGHT + 4;
    const foot = rug + data.methods.length * RUG;
    const [low, high] = range(metric);
    const x = (at) => EDGE.left + ((at + 0.5) / Math.max(scene.frames, 1)) * (width - EDGE.left - EDGE.right);
    const y = (value) => EDGE.top + HEIGHT * (1 - (value - low) / (high - low));
    const height = foot + EDGE.bottom;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${metric.title} of every frame, a line per method`);
    const scale = ticks(low, high, 4);
    for (const tick of scale.found) {
      draw("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }, svg);
      draw("text", { x: EDGE.left - 6, y: y(tick) + 4, "text-anchor": "end" }, svg).textContent = tick.toFixed(scale.digits);
    }
    const rate = scene.rate || 1;
    const times = ticks(0, Math.max(scene.frames, 2) / rate, Math.max(2, Math.floor(width / 110)));
    for (const tick of times.found) {
      if (tick * rate > last()) continue;
      const text = scene.rate ? `${tick.toFixed(times.digits)} s` : tick.toFixed(0);
      draw("text", { x: x(tick * rate), y: height - 6, "text-anchor": "middle" }, svg).textContent = text;
    }
    scene.values.forEach((series, method) => {
      let path = "";
      let pen = false;
      series[column()].forEach((value, at) => {
        if (finite(value)) path += `${pen ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}${pen ? "" : "h0"}`;
        pen = finite(value);
      });
      if (path) draw("path", { class: `line m${method}`, d: path }, svg);
      gaps(series[column()]).forEach(([from, to]) => {
        const left = x(from - 0.5);
        const place = { x: left, y: rug + method * RUG, width: x(to - 0.5) - left, height: RUG - 1 };
        draw("rect", { class: `gap m${method}`, ...place }, svg);
      });
    });
    const playhead = draw("line", { class: "playhead", id: "playhead", y1: EDGE.top - 4, y2: foot }, svg);
    const dots = scene.values.map((_, method) => draw("circle", { class: `at m${method}`, r: 4 }, svg));
    const tip = make("div", { id: "tip", hidden: "" });
    $("curve").replaceChildren(svg, tip);
    view = { x, y, width, playhead, dots, tip };
    movePlayhead();
  }

  function gaps(series) {
    const found = [];
    series.forEach((value, at) => {
      if (finite(value) || value === "inf") return;
      if (found.length && found.at(-1)[1] === at) found.at(-1)[1] = at + 1;
      else found.push([at, at + 1]);
    });
    return found;
  }

  function movePlayhead() {
    if (!view) return;
    view.playhead.setAttribute("x1", view.x(frame));
    view.playhead.setAttribute("x2", view.x(frame));
    view.dots.forEach((dot, method) => {
      const value = valueAt(method, frame);
      dot.setAttribute("visibility", finite(value) ? "visible" : "hidden");
      if (!finite(value)) return;
      dot.setAttribute("cx", view.x(frame));
      dot.setAttribute("cy", view.y(value));
    });
  }

  const under = (event) => {
    const box = $("curve").getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * view.width - EDGE.left) / (view.width - EDGE.left - EDGE.right);
    return clamp(Math.floor(share * scene.frames));
  };
  function tell(event) {
    const at = under(event);
    const metric = data.columns[column()];
    const lines = data.methods.map((_, method) => {
      const line = make("div");
      const value = valueAt(method, at);
      line.append(label(method), make("span", {}, value === null ? reason(method, at) : withUnit(value, metric)));
      return line;
    });
    view.tip.replaceChildren(make("div", { class: "head" }, `frame ${at} · ${seconds(at)}`), ...lines);
    view.tip.hidden = false;
    const room = $("curve").clientWidth - view.tip.offsetWidth;
    const left = event.clientX - $("curve").getBoundingClientRect().left;
    view.tip.style.left = `${Math.max(0, left + 14 > room ? left - view.tip.offsetWidth - 14 : left + 14)}px`;
  }

  $("curve").addEventListener("pointerdown", (event) => seek(under(event)));
  $("curve").addEventListener("pointermove", (event) => {
    tell(event);
    if (event.buttons & 1) seek(under(event));
  });
  $("curve").addEventListener("pointerleave", () => (view.tip.hidden = true));

  // What the reader touches.

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-scene]");
    if (!button) return;
    choose(Number(button.dataset.scene));
    $("player").scrollIntoView();
    stage.focus({ preventScroll: true });
  });
  $("pictures").addEventListener("click", (event) => event.target.tagName === "CANVAS" && toggle());
  $("play").addEventListener("click", toggle);
  $("back").addEventListener("click", () => seek(frame - 1));
  $("forward").addEventListener("click", () => seek(frame + 1));
  $("seek").addEventListener("input", () => seek(Number($("seek").value)));
  $("scene").addEventListener("input", () => choose(Number($("scene").value)));
  $("metric").addEventListener("input", () => {
    plot();
    show();
  });
  $("speed").addEventListener("input", () => (video.playbackRate = Number($("speed").value)));
  $("sound").addEventListener("input", () => (video.muted = !$("sound").checked));
  stage.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || target.tagName === "SELECT") return;
    if (event.key === " " && (target.tagName === "BUTTON" || target.type === "checkbox")) return;
    const stride = event.shiftKey ? Math.round(scene.rate || 25) : 1;
    const action = {
      " ": toggle,
      ArrowLeft: () => seek(frame - stride),
      ArrowRight: () => seek(frame + stride),
      Home: () => seek(0),
      End: () => seek(last()),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  new ResizeObserver(() => scene && plot()).observe($("curve"));

  video.muted = !$("sound").checked;
  choose(0);
})();
