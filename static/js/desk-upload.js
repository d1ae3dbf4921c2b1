// While a worker is at a file, its page is looked at again every three seconds. Without script there is a link.

const SECONDS = 3;

async function lookAgain() {
  const shown = document.querySelector("[data-upload]");
  if (!shown?.hasAttribute("data-going")) return;
  if (document.visibilityState === "visible") {
    const answer = await fetch(window.location.href, { credentials: "same-origin" }).catch(() => null);
    if (answer?.redirected) return window.location.assign(answer.url);
    if (answer?.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-upload]");
      if (fresh) shown.replaceWith(fresh);
    }
  }
  window.setTimeout(lookAgain, SECONDS * 1000);
}

window.setTimeout(lookAgain, SECONDS * 1000);
