/* Keeps each [data-live-total] true: a stream where there is one, polling where it fails, and a plain
   word when neither has confirmed the figure for a minute. Without script the server's figure stands. */

import { formatMoney, formatNumber, formatPercent } from "./money.js";

const STALE_AFTER = 60_000;
const QUIET_CHECK = 40_000;
const FIRST_DELAY = 4_000;
const LONGEST_DELAY = 60_000;
const ANNOUNCE_EVERY = 30_000;

const locale = document.documentElement.lang || "en";
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

const jitter = (delay) => delay * (0.75 + Math.random() / 2);
const secondsAgo = (time) => {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 5000) * 5);
  return seconds < 60 ? ago.format(-seconds, "second") : ago.format(-Math.round(seconds / 60), "minute");
};

/* How old an answer's truth is, in seconds, by the server's own clock and the caches on the way. */
const ageOf = (answer, total) => {
  const sent = Date.parse(answer.headers.get("Date") ?? "") || Date.now();
  return Math.max(0, (sent - Date.parse(total.as_of)) / 1000) + Number(answer.headers.get("Age") ?? 0);
};

class LiveTotal {
  constructor(root) {
    this.root = root;
    this.jsonUrl = root.dataset.jsonUrl;
    this.streamUrl = root.dataset.streamUrl;
    this.confirmed = Date.now(); // the server rendered the page a moment ago
    this.failures = 0;
    this.etag = null;
    this.version = null;
    this.announced = Date.now();
  }

  part(name) {
    return this.root.querySelector(`[data-total="${name}"]`);
  }

  start() {
    if (!this.jsonUrl) return;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pause() : this.resume()));
    this.ticking = setInterval(() => this.tick(), 5000);
    if (!document.hidden) this.resume();
  }

  pause() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
  }

  resume() {
    this.failures = 0;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    if (!this.streamUrl || !("EventSource" in window)) {
      this.poll();
      return;
    }
    this.source?.close();
    this.source = new EventSource(this.streamUrl);
    this.source.addEventListener("totals", (event) => this.heard(event.data));
    this.source.addEventListener("heartbeat", (event) => this.confirm(JSON.parse(event.data).age));
    this.source.addEventListener("error", () => this.streamFailed());
  }

  heard(text) {
    this.failures = 0;
    this.apply(JSON.parse(text));
  }

  /* We reconnect by our own clock, so that a crowd cut off at one moment does not return at one moment. */
  streamFailed() {
    this.source?.close();
    this.source = null;
    this.poll();
  }

  async poll() {
    clearTimeout(this.timer);
    const reached = await this.fetchOnce();
    if (document.hidden) return;
    this.failures = reached ? 0 : this.failures + 1;
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.failures);
    this.timer = setTimeout(() => this.connect(), jitter(this.streamUrl ? delay : Math.max(delay, 15_000)));
  }

  async fetchOnce() {
    try {
      const headers = this.etag ? { "If-None-Match": this.etag } : {};
      const answer = await fetch(this.jsonUrl, { headers, cache: "no-store", credentials: "omit" });
      if (answer.status === 304) return true;
      if (!answer.ok) return false;
      this.etag = answer.headers.get("ETag");
      const total = await answer.json();
      this.apply(total);
      this.confirm(ageOf(answer, total));
      return true;
    } catch {
      return false;
    }
  }

  apply(total) {
    // Truth never runs backwards: a slow answer must not overwrite a newer one.
    const asOf = Date.parse(total.as_of);
    if (Number.isNaN(asOf) || (this.asOf && asOf < this.asOf)) return;
    this.asOf = asOf;
    const moved = this.version !== null && this.version !== total.version;
    if (this.version !== total.version) this.show(total, moved);
    this.version = total.version;
  }

  show(total, moved) {
    this.write("raised", formatMoney(total.raised));
    if (total.goal) this.write("goal", formatMoney(total.goal));
    this.write("donations", formatNumber(total.donations));
    this.write("donors", formatNumber(total.donors));
    const percent = this.part("percent");
    if (percent) percent.textContent = formatPercent(total.percent, total.raised.minor, percent.textContent);
    this.showPending(total.pending);
    if (total.goal) this.showBar(total);
    if (total.donations > 0) this.root.querySelector("[data-total-none]")?.remove();
    if (moved) this.announce(total);
  }

  write(name, text) {
    const node = this.part(name);
    if (!node || node.textContent === text) return;
    node.textContent = text;
    if (name !== "raised") return;
    node.classList.remove("is-new");
    requestAnimationFrame(() => node.classList.add("is-new"));
  }

  showPending(pending) {
    const line = this.root.querySelector("[data-total-pending]");
    if (!line) return;
    line.hidden = !pending || pending.minor === 0;
    if (!line.hidden) this.write("pending", formatMoney(pending));
  }

  showBar({ raised, goal, pending, percent }) {
    const bar = this.root.querySelector("[data-total-bar]");
    const progress = this.root.querySelector("progress");
    if (progress) Object.assign(progress, { max: goal.minor || 1, value: Math.max(0, raised.minor) });
    if (!bar) return;
    const filled = Math.max(0, raised.minor);
    bar.setAttribute("viewBox", `0 0 ${Math.max(goal.minor, filled) || 1} 10`);
    bar.querySelector(".bar__raised").setAttribute("width", filled);
    bar.querySelector(".bar__pending").setAttribute("x", filled);
    bar.querySelector(".bar__pending").setAttribute("width", pending?.minor ?? 0);
    const mark = bar.querySelector(".bar__goal");
    mark.setAttribute("x1", goal.minor);
    mark.setAttribute("x2", goal.minor);
    mark.setAttribute("visibility", percent > 100 ? "visible" : "hidden");
  }

  announce(total) {
    const region = this.root.querySelector("[data-total-announce]");
    if (!region || Date.now() - this.announced < ANNOUNCE_EVERY) return;
    this.announced = Date.now();
    region.textContent = this.root.dataset.textAnnounce.replace("{raised}", formatMoney(total.raised));
  }

  /* Told as an age, because the clocks of browsers are often wrong. Truth does not get older by asking. */
  confirm(age) {
    this.confirmed = Math.max(this.confirmed, Date.now() - age * 1000);
    this.tick();
  }

  tick() {
    if (document.hidden) return;
    const age = Date.now() - this.confirmed;
    const stale = age > STALE_AFTER;
    this.root.dataset.live = stale ? "stale" : "on";
    this.showTime(stale);
    // A quiet stream proves nothing by itself: ask once, cheaply, before the figure goes stale.
    if (this.source && age > QUIET_CHECK && !this.asking) {
      this.asking = true;
      this.fetchOnce().finally(() => (this.asking = false));
    }
  }

  showTime(stale) {
    const node = this.root.querySelector("[data-total-time]");
    if (!node) return;
    const template = stale ? this.root.dataset.textStale : this.root.dataset.textConfirmed;
    node.textContent = template
      .replace("{time}", clock.format(this.confirmed))
      .replace("{ago}", secondsAgo(this.confirmed));
  }
}

for (const root of document.querySelectorAll("[data-live-total]")) new LiveTotal(root).start();
