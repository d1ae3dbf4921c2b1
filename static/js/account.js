// Passkeys: their buttons show where the browser knows them, and a failure is said in words.

const known = "PublicKeyCredential" in window;
for (const button of document.querySelectorAll("[data-needs-passkeys]")) button.hidden = !known;

document.addEventListener("allauth.error", (event) => {
  const words = document.querySelector("[data-passkey-error]");
  if (!words) return;
  event.preventDefault();
  words.hidden = false;
});
