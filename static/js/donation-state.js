/* Asks where the donation stands while that can still change, and shows the page anew when it has. */

const SETTLED = new Set(["refunded", "failed", "opened"]);
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 30_000;

const root = document.querySelector("[data-donation-state]");

const ask = async () => {
  try {
    const answer = await fetch(root.dataset.stateUrl, { cache: "no-store" });
    return answer.ok ? (await answer.json()).state : null;
  } catch {
    return null;
  }
};

/* Quick at first, when the answer is seconds away; slower and slower after that. */
const watch = async (delay) => {
  await new Promise((done) => setTimeout(done, delay * (0.75 + Math.random() / 2)));
  const state = document.hidden ? null : await ask();
  if (state !== null && state !== root.dataset.donationState) {
    window.location.reload();
    return;
  }
  watch(Math.min(LONGEST_DELAY, delay * 1.4));
};

if (root && !SETTLED.has(root.dataset.donationState)) watch(FIRST_DELAY);
