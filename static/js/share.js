// Comfort on pages that people keep or pass on: print, share, or copy the address. Without script the browser does it.

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const button of document.querySelectorAll("[data-share]")) {
  if (!navigator.share && !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const url = window.location.href.split("#")[0];
    try {
      if (navigator.share) {
        await navigator.share({ title: document.title, url });
      } else {
        await navigator.clipboard.writeText(url);
        button.textContent = button.dataset.shared;
      }
    } catch {
      // The reader changed their mind, or the browser did: the address bar still has it.
    }
  });
}
