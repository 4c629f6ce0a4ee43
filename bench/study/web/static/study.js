// The player and its gate. A video counts as watched when it was played (not skipped) over its length, at its own pace,
// with a picture. "ended" alone proves nothing: a wrong codec plays as sound, and a jump to the end ends it as well.

const ENOUGH = 0.95;
const video = document.getElementById("video");
const play = document.getElementById("play");
const playText = document.getElementById("play-text");
const say = document.getElementById("say");
const bar = document.getElementById("played");
const stage = video.closest(".stage");
const answer = document.getElementById("answer");
const gated = answer.querySelector(".gated");
const broken = document.getElementById("broken");

const seen = { wall: 0, furthest: 0, plays: 0, stalls: 0, seeks: 0, rates: 0, hidden: 0, mode: "blob", error: "" };
let lastTick = null;
let open = false;

function tell(text, bad = false) {
  if (say.textContent !== text) say.textContent = text;
  say.classList.toggle("bad", bad);
}

// Loading: the whole clip first, so that it cannot stall; by its address where that takes too long.
async function load() {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), 20_000);
  try {
    const response = await fetch(video.dataset.src, { signal: limit.signal });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    video.src = URL.createObjectURL(await response.blob());
  } catch {
    seen.mode = "direct";
    video.src = video.dataset.src;
  } finally {
    clearTimeout(timer);
  }
}

video.addEventListener("canplay", () => {
  if (play.disabled) {
    play.disabled = false;
    playText.textContent = "Play the video";
    if (video.dataset.next) fetch(video.dataset.next).then((r) => r.blob()).catch(() => {}); // fills the browser's cache
  }
});
video.addEventListener("error", () => {
  seen.error = String(video.error?.code ?? "unknown");
  playText.textContent = "The video cannot be played";
  tell(broken ? "This video does not play here. Please press “The video does not work” to go on." : "This clip does not play here. Please try another browser.", true);
});

// Playing
function frames() {
  return video.getVideoPlaybackQuality?.().totalVideoFrames ?? video.webkitDecodedFrameCount ?? 0;
}
function covered() {
  let sum = 0;
  for (let i = 0; i < video.played.length; i++) sum += video.played.end(i) - video.played.start(i);
  return video.duration > 0 ? Math.min(1, sum / video.duration) : 0;
}
function tick() {
  const now = performance.now();
  if (lastTick !== null) seen.wall += (now - lastTick) / 1000;
  lastTick = video.paused || video.ended || video.readyState < 3 ? null : now;
  if (!video.seeking) seen.furthest = Math.max(seen.furthest, video.currentTime);
  bar.style.transform = `scaleX(${video.duration > 0 ? video.currentTime / video.duration : 0})`;
  gate();
}
function frameLoop() {
  tick();
  if (!video.paused && !video.ended) requestAnimationFrame(frameLoop);
}
play.addEventListener("click", async () => {
  if (!video.paused && !video.ended) {
    video.pause();
    return;
  }
  seen.plays += 1;
  if (video.ended) video.currentTime = 0;
  try {
    await video.play();
  } catch {
    tell("The video did not start. Please press Play again.", true);
  }
});
video.addEventListener("playing", () => {
  lastTick = performance.now();
  stage.classList.add("playing");
  playText.textContent = "Pause the video";
  if (!open) tell("Please watch the video to its end.");
  requestAnimationFrame(frameLoop);
});
for (const kind of ["pause", "ended", "waiting"]) {
  video.addEventListener(kind, () => {
    tick();
    lastTick = null;
    if (kind === "waiting") {
      seen.stalls += 1;
      return;
    }
    stage.classList.remove("playing");
    playText.textContent = video.ended ? "Watch again" : "Go on playing";
    if (video.ended && !open) notWatched();
  });
}
video.addEventListener("timeupdate", tick); // goes on in a tab in the background, where no frame is painted
video.addEventListener("seeking", () => {
  if (video.currentTime > seen.furthest + 0.3) {
    seen.seeks += 1;
    video.currentTime = seen.furthest;
  }
});
video.addEventListener("ratechange", () => {
  if (video.playbackRate !== 1) {
    seen.rates += 1;
    video.playbackRate = 1;
  }
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    seen.hidden += 1;
    video.pause();
  }
});

function notWatched() {
  if (video.videoWidth === 0 || frames() === 0) {
    tell(broken ? "The picture does not play here. Please press “The video does not work” to go on." : "The picture does not play here. Please try another browser.", true);
  } else {
    tell("Please watch the whole video at its normal speed.", true);
  }
}
function gate() {
  if (open || !(video.duration > 0)) return;
  const watched = covered() >= ENOUGH && seen.wall >= ENOUGH * video.duration;
  if (!watched || video.videoWidth === 0 || frames() === 0 || !(video.ended || covered() >= 0.99)) return;
  open = true;
  gated.disabled = false;
  answer.dataset.open = "yes";
  tell(broken ? "Now please rate the video." : "Now please answer the two questions.");
}
function report() {
  const quality = video.getVideoPlaybackQuality?.();
  return JSON.stringify({
    covered: Number(covered().toFixed(4)), wall: Number(seen.wall.toFixed(3)), duration: video.duration || 0,
    videoWidth: video.videoWidth, videoHeight: video.videoHeight, frames: frames(), dropped: quality?.droppedVideoFrames ?? null,
    plays: seen.plays, stalls: seen.stalls, seeks: seen.seeks, rates: seen.rates, hidden: seen.hidden, mode: seen.mode, error: seen.error,
    width: window.innerWidth, height: window.innerHeight, pixelRatio: window.devicePixelRatio, shownWidth: video.clientWidth,
    volume: video.volume, muted: video.muted,
  });
}

// Sending: an answer stays on the page, and in the browser's store, until the server has said that it is saved.
const kept = answer.dataset.token ? `talkbench-${answer.dataset.token}` : null;
function store(text) {
  try {
    if (kept && text) localStorage.setItem(kept, text);
    else if (kept) localStorage.removeItem(kept);
  } catch { /* a browser that keeps nothing still sends */ }
}
function stored() {
  try {
    return kept && localStorage.getItem(kept);
  } catch {
    return null;
  }
}
let sending = false;
async function send(url, body) {
  if (sending) return;
  sending = true;
  document.body.classList.add("saving");
  for (let pause = 1000; ; pause = Math.min(pause * 2, 15_000)) {
    try {
      const response = await fetch(url, {
        method: "POST", body, headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded" },
      });
      const said = await response.json().catch(() => ({}));
      if (response.ok) {
        store(null);
        location.replace(said.next);
        return;
      }
      if (response.status < 500) {
        store(null);
        tell(said.message ?? "This could not be saved. Please load the page again.", true);
        break;
      }
    } catch { /* no network: try again below */ }
    tell("Not saved yet: there is no connection. Trying again… Please keep this page open.", true);
    await Promise.race([
      new Promise((done) => setTimeout(done, pause)),
      new Promise((done) => addEventListener("online", done, { once: true })),
    ]);
  }
  sending = false;
  document.body.classList.remove("saving");
}
for (const form of [answer, broken]) {
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    form.elements.playback.value = report();
    const body = new URLSearchParams(new FormData(form)).toString();
    if (form === answer) store(body);
    send(form.action, body);
  });
}

const unsent = stored(); // the page was loaded again before the server had answered
if (unsent) send(answer.action, unsent);
load();
